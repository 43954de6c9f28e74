"""The cut between background and foreground clusters that is tuned on the truth, as released.

Leopart (Ziegler and Asano 2022); `models.grouping.foreground` has the cut that needs no truth.
"""

import numpy as np

from commonfate.evaluation.masks.jaccard import count, jaccard

CUTS = (0.55, 0.75)
"""Shares of the clusters that tuning tries as background."""
STEP = 0.05
"""A tuned threshold is a multiple of this, below 1."""


def candidates(labels: np.ndarray, each: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Cuts that tuning tries, (m, 3) float64: precision at the cut, its index, Jaccard index.

    Args:
        labels: (n, H, W) clusters.
        each: (K,) precisions.
        truth: (n, H, W) uint8; all but 0 is foreground.
    """
    order = np.argsort(each, kind="stable")[: np.count_nonzero(~np.isnan(each))]
    first, end = (int(round(share * len(order), 6)) for share in CUTS)
    rows = []
    for start in range(first, max(end, first + 1)):
        if start >= len(order):
            break
        chosen = np.zeros(len(each), bool)
        chosen[order[start:]] = True
        score = jaccard(*count(chosen[labels], truth > 0)).mean()
        rows.append((each[order[start]], start, score))
    return np.array(rows, np.float64).reshape(-1, 3)


def tuned_threshold(labels: np.ndarray, each: np.ndarray, truth: np.ndarray) -> float:
    """The best cut's precision, the last of equals', rounded to a multiple of 0.05 below 1.

    See `candidates`.
    """
    tried = candidates(labels, each, truth)
    last = len(tried) - 1 - tried[::-1, 2].argmax()
    return min(round(tried[last, 0] / STEP), round(1 / STEP) - 1) * STEP
