"""Errors of flow, where it is known exactly or by what it does to frames."""
