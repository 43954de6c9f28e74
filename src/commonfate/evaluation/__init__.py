"""Scores of predictions by kind (masks, classes), protocols, choice of snapshots, sheets."""
