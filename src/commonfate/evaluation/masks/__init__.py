"""Scores of a foreground against its mask."""
