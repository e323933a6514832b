"""The runtime against hand-written code and against packflow 0.4.1: ``python -m benchmarks``."""
