"""Scripts by which shells complete a command line. They hold all words, so that a press of Tab starts no Python."""
