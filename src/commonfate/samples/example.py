"""What is read of one training sample, as a method's `prepare` takes it."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Example:
    """A frame with what is learnt from it; what a sample has not is None.

    A kind of sample that has something else beside its frame subclasses it.

    Attributes:
        frame: (H, W, 3) uint8, RGB.
        flow: (2, H, W) float32, u then v, pixels, at its own size; NaN where unknown.
        other: (H, W, 3) uint8, RGB: the frame that is a gap away, of the same size.
        labels: (H, W) uint8, a class for each pixel, 255 where there is none.
        flip: mirror all of it left-right.
        seed: of whatever else the method draws; every use of a sample has its own.
    """

    frame: np.ndarray
    flow: np.ndarray | None = None
    other: np.ndarray | None = None
    labels: np.ndarray | None = None
    flip: bool = False
    seed: int = 0
