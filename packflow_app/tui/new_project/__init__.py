"""The wizard of a new project: the questions of ``packflow init``, one at a time, with what was answered above."""
