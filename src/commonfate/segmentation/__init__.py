"""Masks of what moves in a video, from the video alone."""
