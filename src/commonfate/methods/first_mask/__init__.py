"""Baseline of propagation: the first mask of a clip, held still."""
