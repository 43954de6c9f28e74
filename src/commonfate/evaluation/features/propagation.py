"""Masks of objects, given in the first frame of a clip and carried to its other frames.

TimeT's Table 11 compares three ways: the first mask held still, moved by optical flow, and carried
by the Feature-Forwarder. Frames of a clip may be any number of frames of the video apart.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from commonfate.datasets.mask_values import VOID
from commonfate.evaluation.features.neighbours import finite
from commonfate.evaluation.features.settings import RELEASED
from commonfate.flow.consistency import consistent
from commonfate.flow.warp import look_up
from commonfate.models.forwarder import forward
from commonfate.models.settings import ForwarderSettings


def frames_of(number: int, step: int) -> list[range]:
    """Clips of a video: its frames `step` apart, from each start in 0 to step - 1.

    Args:
        number: frames of the video.
        step: frames from one frame of the clip to the next.

    Returns:
        Frames of each clip; those with a single frame are left out.
    """
    clips = [range(start, number, step) for start in range(min(step, number))]
    return [clip for clip in clips if len(clip) > 1]


def held_still(first: np.ndarray, frames: int) -> np.ndarray:
    """The first mask in every later frame.

    Args:
        first: (H, W) uint8, objects 1 to N, 0 background, 255 void, which becomes background.
        frames: of the clip, T.

    Returns:
        (T - 1, H, W) uint8.
    """
    return np.repeat(_without_void(first)[None], max(frames - 1, 0), 0)


def chained(flows: np.ndarray) -> np.ndarray:
    """Flow over several frames, from the flows of one frame to the one before.

    Args:
        flows: (n, 2, H, W) float, u then v, pixels: flow i leads from frame n - i to n - i - 1 of
            a stretch of frames 0 to n; NaN where unknown. At least one.

    Returns:
        (2, H, W) float32, from frame n to frame 0; NaN where a flow is unknown on the way, or the
        way leaves the image.
    """
    total = torch.from_numpy(np.array(flows[0], np.float32))[None]
    for flow in flows[1:]:
        step, _ = look_up(torch.from_numpy(np.array(flow, np.float32))[None], total)
        total = total + step
    return total[0].numpy()


def by_flow(
    first: np.ndarray, backward: np.ndarray, onward: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Move the masks along optical flow, by looking up each pixel in the frame before.

    Masks are mixed bilinearly and the largest is kept, the background of equals. A pixel whose flow
    is unknown or leads out of the image is background, and so is one that fails the
    forward-backward test, where that can be done: it was hidden in the frame before.

    Args:
        first: (H, W) uint8, objects 1 to N, 0 background, 255 void, which becomes background.
        backward: (T - 1, 2, H, W) float, u then v, pixels: from frame t to t - 1 of the clip, for t
            = 1 to T - 1; NaN where unknown.
        onward: the same from t - 1 to t; None: without the test.

    Returns:
        (T - 1, H, W) uint8, and the share of each frame's pixels that could not be looked up,
        (T - 1) float64.

    Raises:
        ValueError: masks and flow differ in size.
    """
    if backward.ndim != 4 or backward.shape[1:] != (2, *first.shape):
        raise ValueError(f"mask {first.shape} and flow {backward.shape} differ in size")
    objects, labels = _objects(first), _without_void(first)
    results, unknown = np.zeros((len(backward), *first.shape), np.uint8), np.zeros(len(backward))
    for t, flow in enumerate(backward):
        back = torch.from_numpy(np.array(flow, np.float32))[None]
        warped, _ = look_up(_masks(labels, objects), back)
        lost = warped[0].isnan().any(0)
        if onward is not None:
            there = torch.from_numpy(np.array(onward[t], np.float32))[None]
            lost |= ~consistent(back, there)[0]
        chosen = objects[warped[0].argmax(0).numpy()]
        labels = np.where(lost.numpy(), 0, chosen).astype(np.uint8)
        results[t], unknown[t] = labels, float(lost.double().mean())
    return results, unknown


def by_forwarder(
    first: np.ndarray, features: np.ndarray, settings: ForwarderSettings = RELEASED
) -> np.ndarray:
    """Carry the masks by the Feature-Forwarder, on the grid of the features.

    A patch starts with the shares of the objects in it; maps are enlarged bilinearly, and the
    largest is kept, the background of equals.

    Args:
        first: (H, W) uint8, objects 1 to N, 0 background, 255 void, which becomes background.
        features: (T, h, w, C) float.
        settings: of the forwarder.

    Returns:
        (T - 1, H, W) uint8.

    Raises:
        ValueError: a feature is not finite.
    """
    objects = _objects(first)
    maps = functional.adaptive_avg_pool2d(
        _masks(_without_void(first), objects), features.shape[1:3]
    )
    carried = forward(finite(features, "features of the clip")[None], maps, settings)[0]
    if not len(carried):
        return np.empty((0, *first.shape), np.uint8)
    enlarged = [
        functional.interpolate(each[None], size=first.shape, mode="bilinear")[0].argmax(0)
        for each in carried
    ]
    return objects[torch.stack(enlarged).numpy()]


def _without_void(first: np.ndarray) -> np.ndarray:
    return np.where(first == VOID, 0, first).astype(np.uint8)


def _objects(first: np.ndarray) -> np.ndarray:
    """Background and the objects of a mask, (1 + N) uint8."""
    return np.union1d(_without_void(first), np.zeros(1, np.uint8))


def _masks(labels: np.ndarray, objects: np.ndarray) -> Tensor:
    """One mask an object: (1, 1 + N, H, W) float32."""
    return torch.from_numpy((labels == objects[:, None, None]).astype(np.float32))[None]
