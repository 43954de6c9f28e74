"""Frames and flow on disk: containers, codecs, checksums, formats of other programs."""
