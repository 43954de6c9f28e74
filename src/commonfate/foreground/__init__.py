"""Foreground of a shot: what moves of its own, by motion and appearance, without any labels."""
