"""The face that asks: renders questions one after the other on a terminal, and hands the answers back."""
