"""Where the journey stands and what to do next; outside a project, where to begin."""
