"""A dataset and predictions of it."""

from helpers.segmented import manifest, predict

__all__ = ["manifest", "predict"]
