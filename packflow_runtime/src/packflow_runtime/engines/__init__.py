"""Adapters to engines and brokers, one module each; an engine is imported only where its adapter is used."""
