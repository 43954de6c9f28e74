"""Baseline: k-means on dense image features."""
