"""What storing in steps costs: the same pairs, as they were estimated and as they were stored."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from commonfate.base.progress import track
from commonfate.flow.estimators.base import FlowEstimator
from commonfate.flow.quality import errors as quality
from commonfate.flow.quality.stored import Pair, known_truth
from commonfate.storage.frames import FrameReader

Exact = Callable[[Pair], np.ndarray]
"""Gives the flow of a pair as it was before storing, (2, H, W) float32."""


def measure(sample: Sequence[Pair], truths: Mapping[str, str], exact: Exact) -> dict[str, Any]:
    """Errors of a sample of pairs before and after storing, over the same pixels.

    Args:
        sample: pairs with stored flow.
        truths: path of the truth by name of the video.
        exact: gives their flow without rounding.

    Returns:
        `pairs`; `estimated` and `stored`, the errors over the pixels that have a stored value;
        `largest_difference` of a component, pixels: where all rounding is the quantization's it is
        at most half a step (saturated pixels apart).
    """
    before, after, largest = quality.NONE, quality.NONE, 0.0
    for pair in track(sample, "comparing with the flow before storing (pairs)", len(sample)):
        stored = pair.reader.read(pair.video, pair.gap, pair.t)
        estimated = np.where(np.isfinite(stored).all(0), exact(pair), np.nan)
        known = known_truth(truths[pair.video], pair)
        before += quality.measure(estimated, *known)
        after += quality.measure(stored, *known)
        difference = np.abs(estimated - stored)
        largest = max(largest, float(np.max(difference, initial=0, where=difference >= 0)))
    return {
        "pairs": len(sample),
        "estimated": before.to_json(),
        "stored": after.to_json(),
        "largest_difference": largest,
    }


def estimating(estimator: FlowEstimator, frames: Mapping[str, FrameReader]) -> Exact:
    """Estimate again, from the stored frames.

    Args:
        estimator: the one that the stored flow is from.
        frames: the frame store of each video.
    """

    def exact(pair: Pair) -> np.ndarray:
        reader = frames[pair.video]
        images = [reader.read(pair.video, t) for t in (pair.t, pair.t + pair.gap)]
        return of_images(estimator, *images)

    return exact


def of_images(estimator: FlowEstimator, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Flow from one (H, W, 3) uint8 RGB image to another, (2, H, W) float32."""
    import torch

    images = torch.from_numpy(np.stack([first, second])).permute(0, 3, 1, 2)
    return estimator.estimate(images[None])[0].numpy()
