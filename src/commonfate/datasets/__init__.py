"""Adapters: where the videos, splits and annotations of a dataset lie."""
