"""Projects: what a folder with a packflow.yaml holds, and how a new one is made."""
