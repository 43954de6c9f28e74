"""Errors of flow: end-point error on rendered frames, photometric error on real ones."""
