"""The events of any file, as they are, with what is odd about them."""
