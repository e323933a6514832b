"""The terminal app: screens render state and post messages; all that they do is a call that the command line makes too."""
