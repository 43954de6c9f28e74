"""J and F of objects against proposals (DAVIS 2017), and the boundary measure F of a mask."""

import math

import cv2
import numpy as np
from scipy.optimize import linear_sum_assignment

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


def radius(size: tuple[int, int], bound: float = 0.008) -> int:
    """Distance in pixels within which two boundaries match.

    Args:
        size: height and width of the mask.
        bound: share of the image's diagonal, rounded up; a value of at least 1 is pixels.
    """
    return math.ceil(bound if bound >= 1 else bound * math.hypot(*size))


def outline(mask: np.ndarray) -> np.ndarray:
    """One pixel wide boundary: where a pixel differs from the one right, below or diagonally so.

    The last row is compared only to the right, the last column only downwards: where a mask
    touches the image's border it has no boundary.

    Args:
        mask: (H, W) bool, or 0/1.

    Returns:
        (H, W) bool.
    """
    mask = np.asarray(mask, bool)
    # Repeating the last row and column makes what lies beyond the image equal to its border.
    beyond = np.pad(mask, ((0, 1), (0, 1)), mode="edge")
    right, below, diagonal = beyond[:-1, 1:], beyond[1:, :-1], beyond[1:, 1:]
    return (mask ^ right) | (mask ^ below) | (mask ^ diagonal)


def f_measure(
    prediction: np.ndarray,
    truth: np.ndarray,
    void: np.ndarray | None = None,
    bound: float = 0.008,
) -> float:
    """Harmonic mean of the boundary's precision and recall, as the DAVIS tool computes it.

    Perazzi et al., CVPR 2016, Section 4. Boundary pixels match within `radius`; void pixels are
    removed from both masks before boundaries are drawn, so the outline of a void region that cuts
    a mask counts as boundary. Without any boundary in both masks F is 1, with one in only one 0.
    So it is 1 where every pixel is void: such frames should not count, leave them out before.

    Args:
        prediction: (H, W) bool, or 0/1.
        truth: (H, W) bool, or 0/1.
        void: (H, W) bool, or 0/1; None if there is none.
        bound: as for `radius`.

    Returns:
        F in [0, 1].

    Raises:
        ValueError: the shapes differ.
    """
    prediction, truth = np.asarray(prediction, bool), np.asarray(truth, bool)
    if prediction.shape != truth.shape or (void is not None and void.shape != truth.shape):
        raise ValueError(f"masks must have one shape, not {prediction.shape} and {truth.shape}")
    if void is not None:
        valid = ~np.asarray(void, bool)
        prediction, truth = prediction & valid, truth & valid
    drawn, true = outline(prediction), outline(truth)
    n_drawn, n_true = np.count_nonzero(drawn), np.count_nonzero(true)
    if n_drawn == 0 or n_true == 0:
        return float(n_drawn == n_true)
    reach = radius(truth.shape, bound)
    precision = np.count_nonzero(drawn & _grown(true, reach)) / n_drawn
    recall = np.count_nonzero(true & _grown(drawn, reach)) / n_true
    return 2 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0


def _grown(mask: np.ndarray, reach: int) -> np.ndarray:
    """Pixels within `reach` of the mask (Euclidean distance)."""
    y, x = np.ogrid[-reach : reach + 1, -reach : reach + 1]
    disk = (x * x + y * y <= reach * reach).astype(np.uint8)
    return cv2.dilate(mask.astype(np.uint8), disk).astype(bool)
