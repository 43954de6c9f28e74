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
    here = np.indices((height, width), np.float64)[::-1]
    there = here + flow
    inside = ((there >= 0) & (there <= np.reshape([width - 1, height - 1], (2, 1, 1)))).all(0)
    error = np.zeros((height, width), np.float32)
    usable = np.flatnonzero(inside)
    if len(usable) >= LEAST:
        drawn = usable[:: max(1, len(usable) // POINTS)]
        points = (ends.reshape(2, -1)[:, drawn].T for ends in (here, there))
        if (matrix := _fitted(*points)) is not None:
            error[:] = _error(matrix, here, there)
    error[~inside] = np.inf
    return error


def _fitted(here: np.ndarray, there: np.ndarray) -> np.ndarray | None:
    """(3, 3) fundamental matrix of points (N, 2); None if no sample of them gives any."""
    cv2.setRNGSeed(SEED)
    try:
        matrices, _ = cv2.findFundamentalMat(here, there, cv2.FM_LMEDS, confidence=CONFIDENCE)
    except cv2.error:  # OpenCV 4.13 fails at an assertion where it has not found a matrix
        return None
    return None if matrices is None or len(matrices) < 3 else matrices[:3]


def _error(matrix: np.ndarray, here: np.ndarray, there: np.ndarray) -> np.ndarray:
    """(h, w) of coordinates x, y (2, h, w), in double precision: products of large ones cancel."""
    in_second = [a * here[0] + b * here[1] + c for a, b, c in matrix]
    in_first = [a * there[0] + b * there[1] + c for a, b, c in matrix.T[:2]]
    gradient = sum(np.square(values) for values in (*in_second[:2], *in_first))
    distance = np.abs(there[0] * in_second[0] + there[1] * in_second[1] + in_second[2])
    return distance / np.sqrt(np.maximum(gradient, np.finfo(float).tiny))
