"""Choice of those components of a video that move of their own, by its evidence of motion."""

from collections.abc import Sequence

import cv2
import numpy as np

from commonfate.foreground.motion import Evidence

BORDER = 0.3
"""Weight of the share of the frame's border, beside the overlap with the evidence."""


def moving(components: Sequence[np.ndarray], evidence: Evidence) -> np.ndarray:
    """Choose the components that are foreground, one choice for all frames.

    Of the unions of components that hold the most evidence for their size, the one that scores
    highest: overlap with the evidence (intersection by union, frames weighted by the trust in
    their motion), minus `BORDER` times the share of the frame's border that it covers. The best
    union by overlap alone is one of these: adding a component raises the overlap just if the share
    of evidence in it is larger than a bound.

    Args:
        components: (K, h, w) float of each frame, summing to 1 over K.
        evidence: of the same frames, at any size.

    Returns:
        (K,) bool; all False where nothing moves, or K is 1.
    """
    count = len(components[0])
    inside, area, border = np.zeros((3, count))
    total = 0.0
    for masks, evident, weight in zip(components, evidence.map, evidence.weight, strict=True):
        size = masks.shape[:0:-1]
        small = cv2.resize(evident, size, interpolation=cv2.INTER_AREA)
        inside += weight * np.einsum("khw,hw->k", masks, small)
        area += weight * masks.sum((1, 2))
        total += weight * float(small.sum())
        sides = masks[:, [0, -1]].mean((1, 2)) + masks[:, :, [0, -1]].mean((1, 2))
        border += sides / 2 / len(components)
    result = np.zeros(count, bool)
    if total <= 0:
        return result
    order = np.argsort(-inside / np.maximum(area, np.finfo(float).tiny), kind="stable")[:-1]
    held, covered, contact = (np.cumsum(values[order]) for values in (inside, area, border))
    score = held / (total + covered - held) - BORDER * contact
    if len(order):
        result[order[: int(np.argmax(score)) + 1]] = True
    return result
