"""Packaging: a project and its dry run become one canonical file."""
