"""Baseline without learning: what moves of its own, by the flow of the whole video."""
