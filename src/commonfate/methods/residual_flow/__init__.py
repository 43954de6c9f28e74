"""Baseline: residual flow magnitude, thresholded."""
