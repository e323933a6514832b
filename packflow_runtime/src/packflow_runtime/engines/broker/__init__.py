"""An archive between two brokers: events from a topic, a stream or a subject, outcomes to another."""
