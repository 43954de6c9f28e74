"""Epipolar geometry of a flow field: what a camera that moves through a still scene can show."""

import cv2
import numpy as np

POINTS = 1000
"""Points of the fit, on a regular grid."""
CONFIDENCE = 0.999
LEAST = 16
"""Points without which there is no fit."""
SEED = 0
"""Of the samples that the fit draws."""


def sampson_error(flow: np.ndarray) -> np.ndarray:
    """Distance of each pixel's motion from that of a still scene, whatever its depths.

    The fundamental matrix is fitted by the least median of squares (Rousseeuw 1984, as OpenCV has
    it), so that it is that of at least half of the points. Where the camera only turns, or the
    scene is a plane, many matrices fit, and the error of what moves may be small, too.

    Args:
        flow: (2, h, w) float32, pixels; NaN where unknown.

    Returns:
        (h, w) float32: the square root of Sampson's error (Hartley and Zisserman, "Multiple View
        Geometry", Eq. 11.9), pixels; infinite where the flow is unknown or leaves the frame, and 0
        elsewhere if there is no fit: too few points, or hardly any motion.
    """
    height, width = flow.shape[1:]
    rows, columns = np.indices((height, width))
    here = np.stack([columns, rows], -1).reshape(-1, 2).astype(np.float64)
    there = here + flow.reshape(2, -1).T
    inside = ((there >= 0) & (there <= [width - 1, height - 1])).all(1)
    error = np.where(inside, 0.0, np.inf)
    usable = np.flatnonzero(inside)
    if len(usable) >= LEAST:
        drawn = usable[:: max(1, len(usable) // POINTS)]
        if (matrix := _fitted(here[drawn], there[drawn])) is not None:
            error[inside] = _error(matrix, here[inside], there[inside])
    return error.reshape(height, width).astype(np.float32)


def _fitted(here: np.ndarray, there: np.ndarray) -> np.ndarray | None:
    """(3, 3) fundamental matrix of points (N, 2); None if no sample of them gives any."""
    cv2.setRNGSeed(SEED)
    try:
        matrices, _ = cv2.findFundamentalMat(here, there, cv2.FM_LMEDS, confidence=CONFIDENCE)
    except cv2.error:  # OpenCV 4.13 fails at an assertion where it has not found a matrix
        return None
    return None if matrices is None or len(matrices) < 3 else matrices[:3]


def _error(matrix: np.ndarray, here: np.ndarray, there: np.ndarray) -> np.ndarray:
    ones = np.ones((len(here), 1))
    first, second = np.hstack([here, ones]), np.hstack([there, ones])
    in_second, in_first = first @ matrix.T, second @ matrix
    gradient = np.square(in_second[:, :2]).sum(1) + np.square(in_first[:, :2]).sum(1)
    distance = np.abs((second * in_second).sum(1))
    return distance / np.sqrt(np.maximum(gradient, np.finfo(float).tiny))
