"""Baseline of propagation: masks moved by optical flow."""
