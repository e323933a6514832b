"""Questions that stand over a screen; each gives a typed answer, None where it was left."""
