"""Protocols: how predictions are scored."""
