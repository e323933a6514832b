"""One by one against batches: the verdict, the speed, the probes, the log."""
