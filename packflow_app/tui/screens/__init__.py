"""One folder a screen, in the order of the journey."""
