"""Projects of packflow 0.4: what has to change for them to be ours, and changing it whole or not at all."""
