"""Protocols that score features: pure functions of arrays, which know nothing of files."""
