"""Choice of the frames of a clip, a function of a seed alone.

Salehi et al., "Time Does Tell", ICCV 2023, Section 4.1: frames of a clip are a fixed time apart.
The released code takes random frames of the whole video instead.
"""

from typing import Literal, Protocol

import numpy as np

STREAM = 1
"""Separates these draws from those that a method makes with the same seed."""


class ClipSettings(Protocol):
    """Settings of a method that learns from clips."""

    @property
    def frames(self) -> int:
        """Number of frames of a clip, at least 1."""

    @property
    def spacing_s(self) -> float:
        """Seconds between its frames, for `interval`."""

    @property
    def sampling(self) -> Literal["interval", "uniform"]:
        """`interval`: frames at the spacing; `uniform`: random frames, in order."""


def step(spacing_s: float, fps: float) -> int:
    """Frames from one of a clip to the next: the spacing to the nearest frame, at least 1.

    Args:
        spacing_s: seconds, above 0.
        fps: frames a second, above 0; 1 where a data set does not say it.
    """
    return max(1, int(spacing_s * fps + 0.5))


def drawn(length: int, fps: float, settings: ClipSettings, seed: int) -> list[int]:
    """Numbers of the frames of a clip, ascending.

    `interval`: all starts that keep the clip inside the video are equally probable. A video that is
    shorter than the clip has one clip: it starts at the first frame, and the last frame takes the
    place of those that are missing. `uniform`: all sets of frames are equally probable; in a video
    of fewer frames, a frame may be drawn more than once, as in the released code. So a clip of a
    video of one frame is that frame repeated.

    Args:
        length: frames of the video, at least 1.
        fps: frames a second.
        settings: number and spacing of the frames.
        seed: in [0, 2**63).
    """
    generator = np.random.default_rng((seed, STREAM))
    count = settings.frames
    if settings.sampling == "uniform":
        return sorted(generator.choice(length, count, replace=length < count).tolist())
    apart = step(settings.spacing_s, fps)
    start = int(generator.integers(max(1, length - (count - 1) * apart)))
    return [min(start + n * apart, length - 1) for n in range(count)]
