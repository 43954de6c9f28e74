"""Decoding, frame extraction and the manifest."""
