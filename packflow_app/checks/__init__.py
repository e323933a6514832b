"""What makes a project fit to ship: rules over a look at it, one family a file, and the registry of them all."""
