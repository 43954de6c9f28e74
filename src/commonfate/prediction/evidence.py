"""Evidence of motion of a video from its stored flow."""

import time
from itertools import pairwise

import numpy as np

from commonfate.flow.resize import resize
from commonfate.foreground import motion
from commonfate.foreground.motion import Evidence
from commonfate.prediction.benchmark import Crop, central_square
from commonfate.prediction.stores import Flow

SHORT_SIDE = 240
"""Of the frames whose motion is looked at, pixels; smaller ones as they are."""
LONGEST = 160
"""Frames that are looked at together, so that memory does not grow with the video."""


def of_video(flow: Flow, video: str, frames: int, crop: Crop) -> tuple[Evidence, float]:
    """Gather the evidence of motion of all frames.

    Args:
        flow: stores of the gaps `flow.gap` and its opposite.
        video: its name.
        frames: their number, at least 1.
        crop: part of the flow that is used.

    Returns:
        The evidence, and the seconds that it took without reading.

    Raises:
        ConfigError: a store lacks the video or a gap.
        StoreError: flow was left out, or cannot be read.
    """
    ends = np.linspace(0, frames, -(-frames // LONGEST) + 1).round().astype(int).tolist()
    parts = [_of_part(flow, video, range(*pair), crop) for pair in pairwise(ends)]
    maps, weights, seconds = zip(*parts, strict=True)
    whole = Evidence(np.concatenate(maps), np.concatenate(weights), abs(flow.gap))
    return whole, sum(seconds)


def _of_part(
    flow: Flow, video: str, times: range, crop: Crop
) -> tuple[np.ndarray, np.ndarray, float]:
    fields = {}
    for gap in (flow.gap, -flow.gap):
        of_gap = [_small(flow.of_gap(video, gap, t), crop) for t in times]
        for t in range(len(times)):
            if not 0 <= t + gap < len(times):
                of_gap[t] = None  # leads to another part
        fields[gap] = of_gap
    shape = next((f.shape for fs in fields.values() for f in fs if f is not None), (2, 1, 1))
    unknown = np.full(shape, np.nan, np.float32)
    stacked = {
        gap: np.stack([unknown if field is None else field for field in of_gap])
        for gap, of_gap in fields.items()
    }
    began = time.perf_counter()
    (evidence,) = motion.gather(stacked, abs(flow.gap), abs(flow.gap))
    return evidence.map, evidence.weight, time.perf_counter() - began


def _small(field: np.ndarray | None, crop: Crop) -> np.ndarray | None:
    if field is None:
        return None
    if crop == "square":
        field = central_square(field, axes=(1, 2))
    scale = min(1.0, SHORT_SIDE / min(field.shape[1:]))
    height, width = (max(1, round(side * scale)) for side in field.shape[1:])
    # Linear interpolation would spread what is unknown.
    return resize(field, (height, width), "linear" if np.isfinite(field).all() else "nearest")
