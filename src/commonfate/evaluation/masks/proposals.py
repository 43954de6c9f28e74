"""Objects against proposals: J and F of each object, for DAVIS 2017's two tasks."""

import numpy as np
from scipy.optimize import linear_sum_assignment

from commonfate.evaluation.masks.boundary import f_measure
from commonfate.evaluation.masks.jaccard import count, jaccard


def in_order(objects: np.ndarray, proposals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Score object i by proposal i (semi-supervised task); void pixels count here.

    Args:
        objects: (N, T, H, W) bool, or 0/1; the caller leaves out the first and the last frame.
        proposals: (M, T, H, W) likewise, M >= N.

    Returns:
        J and F, (N, T) float64 each.

    Raises:
        ValueError: there are fewer proposals than objects.
    """
    if len(proposals) < len(objects):
        raise ValueError(f"{len(proposals)} proposals are too few for {len(objects)} objects")
    scores = [_scores(*pair, None) for pair in zip(objects, proposals, strict=False)]
    return np.array([j for j, _ in scores]), np.array([f for _, f in scores])


def matched(
    objects: np.ndarray, proposals: np.ndarray, void: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Score each object by the proposal that the best one-to-one matching gives it (unsupervised).

    The Hungarian matching maximises the mean over frames of (J + F) / 2, as the DAVIS 2017 tool
    does; an object without a proposal is scored against an empty mask.

    Args:
        objects: (N, T, H, W) bool, or 0/1.
        proposals: (M, T, H, W) likewise, any M.
        void: (T, H, W) likewise; None if there is none.

    Returns:
        J and F, (N, T) float64 each, and the proposal of each object, (N) int; M and more stands
        for none. (The released tool lists its scores in the order of the proposals.)
    """
    missing = max(len(objects) - len(proposals), 0)
    empty = np.zeros((missing, *objects.shape[1:]), proposals.dtype)
    proposals = np.concatenate([proposals, empty])
    # (N, M, 2, T): J and F of every object with every proposal.
    table = np.array([[_scores(o, p, void) for p in proposals] for o in objects])
    rows, columns = linear_sum_assignment(table.mean(axis=(2, 3)), maximize=True)
    best = table[rows, columns]
    return best[:, 0], best[:, 1], columns


def _scores(
    truth: np.ndarray, prediction: np.ndarray, void: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """J and F of every frame of (T, H, W) masks."""
    voids = [None] * len(truth) if void is None else void
    contours = [f_measure(*frame) for frame in zip(prediction, truth, voids, strict=True)]
    return jaccard(*count(prediction, truth, void)), np.array(contours)
