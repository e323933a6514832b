"""How paths and counts are worded; the words are shared with the terminal app."""

from packflow_app.wording import counted, shown_path

__all__ = ["counted", "shown_path"]
