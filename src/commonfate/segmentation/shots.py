"""Shots of a film: where one picture does not continue the one before."""

from collections.abc import Iterable
from itertools import pairwise

import cv2
import numpy as np

BINS = 8
"""Bins of each colour."""
DIFFERENT = 0.5
"""Share of the pixels whose colours must change at a cut."""
OUTSTANDING = 3.0
"""A cut changes colours so many times as much as the frames around it do."""
AROUND = 5
"""Frames on each side that a change is compared with."""


def changes(frames: Iterable[np.ndarray]) -> np.ndarray:
    """Share of colours that change to each frame from the one before, from 0 to 1.

    Half the L1 distance of histograms of 8 x 8 x 8 colours, which ignore motion.

    Args:
        frames: (h, w, 3) uint8, RGB, of one size.

    Returns:
        (T,) float64; the first is 0.
    """
    shares: list[float] = []
    before: np.ndarray | None = None
    for frame in frames:
        counts = cv2.calcHist([frame], [0, 1, 2], None, [BINS] * 3, [0, 256] * 3).ravel()
        histogram = counts / counts.sum()
        shares.append(0.0 if before is None else float(np.abs(histogram - before).sum() / 2))
        before = histogram
    return np.array(shares)


def cuts(shares: np.ndarray) -> list[int]:
    """Frames that begin a shot, the first frame's 0 included.

    A cut changes at least `DIFFERENT` of the colours, and `OUTSTANDING` times the median of the
    frames around it, so that flashing lights and a hand before the lens are none.

    Args:
        shares: (T,), see `changes`.
    """
    starts = [0]
    for t in np.flatnonzero(shares >= DIFFERENT):
        around = np.r_[shares[max(1, t - AROUND) : t], shares[t + 1 : t + 1 + AROUND]]
        if not around.size or shares[t] >= OUTSTANDING * np.median(around):
            starts.append(int(t))
    return starts


def parts(starts: list[int], count: int, longest: int) -> list[range]:
    """Ranges of frames that are segmented together: shots, long ones cut evenly.

    Args:
        starts: frames that begin a shot, the first is 0.
        count: frames of the film.
        longest: frames of a part at most.
    """
    ranges: list[range] = []
    for start, end in zip(starts, [*starts[1:], count], strict=True):
        pieces = max(1, -(-(end - start) // longest))
        bounds = np.linspace(start, end, pieces + 1).round().astype(int).tolist()
        ranges += [range(a, b) for a, b in pairwise(bounds) if b > a]
    return ranges
