"""Scores of predictions: protocols, foregrounds, classes, snapshots."""
