"""Sample events: read any file of them, losslessly, and choose the few that stand for all."""
