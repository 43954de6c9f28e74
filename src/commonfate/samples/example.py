"""One training sample as read from disk, the argument of a method's `prepare`."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Example:
    """A frame with the data that is learnt from; parts that a kind of sample lacks are None.

    A kind of sample with other parts has a subclass.

    Attributes:
        frame: (H, W, 3) uint8, RGB.
        flow: (2, h, w) float32, u then v, pixels at the flow's own size; NaN where unknown.
        other: (H, W, 3) uint8, RGB: the frame that is a gap away.
        labels: (H, W) uint8, a class for each pixel; 255 where there is none.
        flip: True to mirror all parts left-right.
        seed: seed of all other random changes; every use of a sample has its own.
        beside: sample of a second index, with flip and seed of its own; None without one.
    """

    frame: np.ndarray
    flow: np.ndarray | None = None
    other: np.ndarray | None = None
    labels: np.ndarray | None = None
    flip: bool = False
    seed: int = 0
    beside: "Example | None" = None


@dataclass(frozen=True, kw_only=True)
class ClipExample(Example):
    """Some frames of a video.

    Attributes:
        clip: (n, H, W, 3) uint8, RGB, in the order of time; `frame` is the first.
    """

    clip: np.ndarray
