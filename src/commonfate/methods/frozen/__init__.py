"""Encoders that are measured as they are."""
