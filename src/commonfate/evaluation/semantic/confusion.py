"""Confusion matrix of semantic segmentation: pixels by true and predicted class; IoU and accuracy.

A class occurs if a pixel is truly of it or is predicted so. Means are over the classes that occur:
the IoU of a class that is nowhere would be 0/0.
"""

import numpy as np

from commonfate.datasets.mask_values import VOID


def count(labels: np.ndarray, truth: np.ndarray, classes: int) -> np.ndarray:
    """Count the pixels of each true class by predicted class; void pixels are left out.

    Args:
        labels: (H, W) uint8 in [0, C), predicted.
        truth: (H, W) uint8 in [0, C), or 255 where there is none.
        classes: their number C, at most 255.

    Returns:
        (C, C) int64, true class by predicted class.

    Raises:
        ValueError: the truth holds a class that is not in [0, C).
    """
    cells = truth * np.uint16(classes) + labels  # at most 255 * 255 + 254, which just fits
    counts = np.bincount(cells.ravel(), minlength=(VOID + 1) * classes).reshape(-1, classes)
    beyond = np.flatnonzero(counts[classes:VOID].any(axis=1))
    if beyond.size:
        raise ValueError(f"class {classes + beyond[-1]} is not one of 0 to {classes - 1}")
    return counts[:classes]


def iou(matrix: np.ndarray) -> np.ndarray:
    """Intersection over union of each class.

    Args:
        matrix: (C, C) int64, see `count`; of one frame, or a sum over many.

    Returns:
        (C) float64 in [0, 1]; NaN of a class that does not occur.
    """
    intersection = np.diagonal(matrix)
    union = matrix.sum(0) + matrix.sum(1) - intersection
    return np.where(union > 0, intersection / np.maximum(union, 1), np.nan)


def mean_iou(matrix: np.ndarray) -> float:
    """Mean of `iou` over the classes that occur; 1 where none does, as every pixel is void."""
    each = iou(matrix)
    return float(np.nanmean(each)) if matrix.any() else 1.0


def accuracy(matrix: np.ndarray) -> float:
    """Share of pixels of the right class; 1 where every pixel is void."""
    total = matrix.sum()
    return float(np.trace(matrix) / total) if total else 1.0
