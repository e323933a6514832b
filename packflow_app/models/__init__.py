"""Models: what a file holds, told without opening it, and which fields of the events it takes."""
