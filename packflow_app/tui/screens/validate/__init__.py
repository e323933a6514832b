"""What keeps a project from being exported, with the place and the fix."""
