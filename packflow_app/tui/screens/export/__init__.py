"""What an archive would hold, and writing it."""
