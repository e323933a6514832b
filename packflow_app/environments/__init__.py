"""Environments: which Python runs a project, and what is installed there."""
