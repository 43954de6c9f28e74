"""Localization of one object an image by the second eigenvector of the features' affinity.

Deep Spectral Methods (Melas-Kyriazi et al. 2022), as FlowDINO's Tables I to III score it: CorLoc is
the share of images whose box overlaps one of the true boxes by half.
"""

from collections.abc import Sequence

import numpy as np

from commonfate.evaluation.features.result import Result
from commonfate.models.grouping import boxes

LEAST_OVERLAP = 0.5
NO_BOX = "has no true box"


def box(eigenvector: np.ndarray, patch: int, size: tuple[int, int]) -> np.ndarray:
    """The box of the object in an image.

    Args:
        eigenvector: (h, w) float, the second, one entry a patch.
        patch: pixels of a patch's side.
        size: height and width of the image, pixels.

    Returns:
        (4,) int64, x0, y0, x1, y1. Pixels right and below of the last whole patch are in none.
    """
    return boxes.box_of_patches(eigenvector > 0, patch, size)


def score(predicted: np.ndarray, truth: Sequence[np.ndarray], released: bool = False) -> Result:
    """CorLoc.

    Args:
        predicted: (n, 4), a box an image.
        truth: (m_i, 4) true boxes of each image.
        released: count as the released code: true boxes are rounded to whole pixels (COCO's are
            not), an overlap of exactly one half is correct, 1e-7 is added to heights and union, and
            an image without true boxes is wrong. Else the overlap must exceed one half, as the
            papers say, and such images are left out.

    Returns:
        `CorLoc`; items are the overlaps with the best true box.
    """
    epsilon = boxes.RELEASED_EPSILON if released else 0.0
    best = np.full(len(predicted), np.nan)
    for i, true in enumerate(truth):
        if len(true):
            true = np.rint(true) if released else np.asarray(true)
            # Released in float32, where one half stays one half despite what is added.
            best[i] = np.float32(boxes.overlap(predicted[i : i + 1], true, epsilon).max())
    boxless = np.isnan(best)
    with np.errstate(invalid="ignore"):
        correct = best >= LEAST_OVERLAP if released else best > LEAST_OVERLAP
    counted = correct if released else correct[~boxless]
    left_out = {} if released else dict.fromkeys(np.flatnonzero(boxless).tolist(), NO_BOX)
    corloc = float(counted.mean()) if len(counted) else float("nan")
    return Result({"CorLoc": corloc}, best, predicted, left_out=left_out)
