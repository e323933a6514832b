"""Packflow's app: from a model and sample events to one file that runs anywhere Python runs."""

__version__ = "0.1.0"
