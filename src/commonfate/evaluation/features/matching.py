"""Clusters matched to classes, and the IoU of the classes then.

Everything is computed from counts (K, C): points of each cluster in each class. TimeT and Leopart
match by IoU, or each cluster to a class by IoU or precision; FlowDINO by the number of points.
"""

from typing import Literal

import numpy as np

from commonfate.datasets.mask_values import VOID

Matching = Literal["hungarian", "hungarian_points", "many_to_one_iou", "many_to_one_precision"]
LEFT_OVER = -1
"""In the place of a class: a cluster that was matched to none."""


def count(clusters: np.ndarray, truth: np.ndarray, k: int, classes: int) -> np.ndarray:
    """Count the points of each cluster by true class; void points (255) are left out.

    Args:
        clusters: integers in [0, K), any shape.
        truth: integers in [0, C) or 255, of the same shape.
        k: K.
        classes: C, at most 255.

    Returns:
        (K, C) int64.

    Raises:
        ValueError: a cluster or class is out of range.
    """
    valid = truth != VOID
    rows, columns = clusters[valid].astype(np.int64), truth[valid].astype(np.int64)
    if rows.size and (rows.min() < 0 or rows.max() >= k):
        raise ValueError(f"cluster {rows.max()} is not one of 0 to {k - 1}")
    if columns.size and (columns.min() < 0 or columns.max() >= classes):
        raise ValueError(f"class {columns.max()} is not one of 0 to {classes - 1}")
    return np.bincount(rows * classes + columns, minlength=k * classes).reshape(k, classes)


def match(counts: np.ndarray, by: Matching) -> np.ndarray:
    """Match clusters to classes; classes without points are matched to no cluster.

    Args:
        counts: (K, C) int64, see `count`.
        by: `hungarian`: one to one, of the largest sum of IoU (`hungarian_points`: of points);
            `many_to_one_iou`, `many_to_one_precision`: each cluster to the class of its best IoU or
            precision, the first of equals.

    Returns:
        (K,) int64: class of each cluster, or `LEFT_OVER`.
    """
    from scipy.optimize import linear_sum_assignment

    matched = np.full(len(counts), LEFT_OVER, np.int64)
    occurring = np.flatnonzero(counts.any(0))
    rows = np.flatnonzero(counts.any(1))
    if not len(occurring):
        return matched
    part = counts[np.ix_(rows, occurring)]
    if by == "many_to_one_precision":
        matched[rows] = occurring[part.argmax(1)]
        return matched
    sizes = part.sum(1)[:, None], part.sum(0)[None]
    merits = part if by == "hungarian_points" else part / (sizes[0] + sizes[1] - part)
    if by == "many_to_one_iou":
        matched[rows] = occurring[merits.argmax(1)]
    else:
        chosen, classes = linear_sum_assignment(merits, maximize=True)
        matched[rows[chosen]] = occurring[classes]
    return matched


def iou(counts: np.ndarray, matched: np.ndarray, left_over: int | None = 0) -> np.ndarray:
    """Intersection over union of each class.

    Args:
        counts: (K, C) int64.
        matched: (K,) see `match`.
        left_over: class that clusters without one are given, as the released code does; None: they
            are of no class, and only miss.

    Returns:
        (C,) float64; NaN of a class without a true point.
    """
    hits, false, missed = outcomes(counts, matched, left_over)
    occurs = hits + missed > 0
    return np.where(occurs, hits / np.maximum(hits + false + missed, 1), np.nan)


def outcomes(
    counts: np.ndarray, matched: np.ndarray, left_over: int | None = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """True positives, false positives and false negatives of each class, (C,) int64 each.

    Args: as `iou`.
    """
    classes = counts.shape[1]
    if left_over is not None:
        matched = np.where(matched == LEFT_OVER, left_over, matched)
    predicted = np.zeros((classes, classes), np.int64)
    given = matched != LEFT_OVER
    np.add.at(predicted, matched[given], counts[given])
    hits = np.diagonal(predicted)
    return hits, predicted.sum(1) - hits, counts.sum(0) - hits


def mean_iou(each: np.ndarray, background: bool = True) -> float:
    """Mean over the classes that occur; NaN where none does.

    Args:
        each: (C,) see `iou`.
        background: class 0 is one of them.
    """
    chosen = each if background else each[1:]
    return float(np.nanmean(chosen)) if np.isfinite(chosen).any() else float("nan")
