"""The dry run: the model on sample events, in its own process and its own Python."""
