"""Scores of classes, over all pixels of a benchmark."""
