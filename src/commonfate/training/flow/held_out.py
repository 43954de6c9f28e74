"""Measuring on held-out pairs: end-point error of the network in training, and of DIS beside it."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from commonfate.training.flow import cut
from commonfate.training.flow.cut import Pair
from commonfate.training.flow.scenes import RenderedScene, Stream
from commonfate.training.flow.settings import FlowTrainingSettings

log = logging.getLogger(__name__)
GAPS = (1, -1, 2, -3)
"""Of the pairs of each scene; the middle frame is the first of all."""
SEED = 0
"""Of the held-out scenes: the same for every training, whatever its own seed."""


@dataclass(frozen=True)
class HeldOut:
    """Fixed pairs of scenes that no training sees, unaltered.

    Attributes:
        gaps: frame gap of each pair.
        pairs: see `cut.Pair`, whole frames.
    """

    gaps: tuple[int, ...]
    pairs: tuple[Pair, ...]

    def errors(self, estimate: Callable[[np.ndarray], np.ndarray]) -> dict[str, float]:
        """Mean end-point errors, pixels.

        Args:
            estimate: flow (2, H, W) of images (2, H, W, 3) uint8 RGB.

        Returns:
            `epe` of all pixels of all pairs, `epe_visible` of those that the second image shows,
            too, `epe_gap1` of the pairs of neighbouring frames.
        """
        maps = [np.hypot(*(estimate(pair.images) - pair.flow)) for pair in self.pairs]
        seen = [errors[pair.visible] for errors, pair in zip(maps, self.pairs, strict=True)]
        near = [errors for errors, gap in zip(maps, self.gaps, strict=True) if abs(gap) == 1]
        return {
            "epe": float(np.mean(maps)),
            "epe_visible": float(np.concatenate(seen).mean()),
            "epe_gap1": float(np.mean(near)),
        }


def draw(settings: FlowTrainingSettings) -> HeldOut:
    """Render the held-out pairs."""
    middle = settings.scene_frames // 2
    gaps, pairs = [], []
    for number in range(settings.held_out_scenes):
        scene = RenderedScene(
            SEED, number, Stream.HELD_OUT, settings.scene_size, settings.scene_frames
        )
        for gap in GAPS:
            gaps.append(gap)
            pairs.append(cut.whole(scene, middle, gap))
    return HeldOut(tuple(gaps), tuple(pairs))


def of_network(model: nn.Module) -> Callable[[np.ndarray], np.ndarray]:
    """The estimate of a network in eval mode, float32, on its own device."""
    device = next(model.parameters()).device

    @torch.inference_mode()
    def estimate(images: np.ndarray) -> np.ndarray:
        channels_first = torch.from_numpy(images).to(device).permute(0, 3, 1, 2)[None]
        return model({"images": prepared(channels_first)})["flows"][0, 0].float().cpu().numpy()

    return estimate


def of_dis() -> Callable[[np.ndarray], np.ndarray]:
    """The estimate of OpenCV's dense inverse search, at its `medium` preset."""
    import cv2

    def estimate(images: np.ndarray) -> np.ndarray:
        first, second = (cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in images)
        dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        return dis.calc(first, second, None).transpose(2, 0, 1)  # type: ignore[call-overload] # stub

    return estimate


def prepared(images: Tensor) -> Tensor:
    """Images as ptlflow's models take them.

    Args:
        images: (B, 2, 3, H, W) uint8, RGB.

    Returns:
        (B, 2, 3, H, W) float32 in [0, 1], BGR.
    """
    return images.flip(2).float() / 255
