"""Segmentation of frames: networks, what adapts them, and the folder of their label maps."""
