"""The terminal app: screens show state and post messages; all they do is a call that the command line makes too."""
