"""Jaccard index (J, region similarity) of binary masks, and its statistics over a sequence.

Perazzi et al., A Benchmark Dataset and Evaluation Methodology for Video Object Segmentation, CVPR
2016, Section 4. J is computed from counts of pixels. In the statistics a value that is NaN is left
out of mean and decay, and counts as not recalled, as in the DAVIS tool; frames that do not count
are taken out before.
"""

import numpy as np
from numpy.typing import ArrayLike

RECALL_ABOVE = 0.5
BINS = 4


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

    With one mask empty and the other not, J is 0.

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


def mean(values: ArrayLike) -> float:
    """Mean of (T) float values; NaN if there is none."""
    numbers = np.asarray(values, np.float64)
    numbers = numbers[~np.isnan(numbers)]
    return float(numbers.mean()) if numbers.size else float("nan")


def recall(values: ArrayLike) -> float:
    """Share of (T) float values strictly above 0.5 (which NaN is not); NaN if there is none."""
    return mean(np.asarray(values, np.float64) > RECALL_ABOVE)


def decay(values: ArrayLike) -> float:
    """Mean over the first quarter of (T) float values, in time order, minus that over the last.

    As in the DAVIS tool the quarters share their end frames, which lie at the rounded positions of
    five equally spaced points from the first to the last frame. (The tool keeps the positions in 8
    bits and is wrong from 256 frames on; here they are whole numbers of any size.)
    """
    values = np.asarray(values, np.float64)
    if not values.size:
        return float("nan")
    # Quarters are exact in binary, so adding a half and cutting rounds halves up, as the tool does.
    ends = (np.linspace(0, len(values) - 1, BINS + 1) + 0.5).astype(int)
    return mean(values[: ends[1] + 1]) - mean(values[ends[-2] :])
