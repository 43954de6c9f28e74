"""Jaccard index (J, region similarity) of binary masks, from counts of pixels."""

import numpy as np


def count(
    prediction: np.ndarray, truth: np.ndarray, void: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Count the pixels of intersection and union, void pixels left out.

    Args:
        prediction: (..., H, W) bool, or 0/1.
        truth: (..., H, W) bool, or 0/1.
        void: (..., H, W) bool, or 0/1, pixels that do not count; None if all do.

    Returns:
        Intersection and union, (...) int64 each.

    Raises:
        ValueError: the shapes differ.
    """
    prediction, truth, valid = _validated(prediction, truth, void)
    intersection = np.count_nonzero(prediction & truth & valid, axis=(-2, -1))
    union = np.count_nonzero((prediction | truth) & valid, axis=(-2, -1))
    return np.asarray(intersection, np.int64), np.asarray(union, np.int64)


def jaccard(intersection: np.ndarray | int, union: np.ndarray | int) -> np.ndarray:
    """Intersection over union; 1 where both masks are empty.

    Perazzi et al., A Benchmark Dataset and Evaluation Methodology for Video Object Segmentation,
    CVPR 2016, Section 4. With one mask empty and the other not it is 0.

    Args:
        intersection: (...) int.
        union: (...) int.

    Returns:
        (...) float64 in [0, 1].
    """
    intersection, union = np.asarray(intersection, np.int64), np.asarray(union, np.int64)
    return np.where(union > 0, intersection / np.maximum(union, 1), 1.0)


def _validated(
    prediction: np.ndarray, truth: np.ndarray, void: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray | bool]:
    masks = [np.asarray(mask) for mask in (prediction, truth) + (() if void is None else (void,))]
    if len({mask.shape for mask in masks}) > 1:
        shapes = ", ".join(str(mask.shape) for mask in masks)
        raise ValueError(f"prediction, truth and void must have one shape, not {shapes}")
    prediction, truth, *rest = (mask.astype(bool) for mask in masks)
    return prediction, truth, ~rest[0] if rest else True
