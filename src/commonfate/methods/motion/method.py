"""Baseline without learning: what moves of its own, by the flow of the whole video."""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import torch
from torch import nn

from commonfate.foreground import appearance, shot
from commonfate.foreground.motion import Evidence
from commonfate.methods.base import Prediction, Segmenting
from commonfate.methods.motion.settings import MotionSettings


class Motion(Segmenting):
    """Residual of the dominant motion, averaged along the flow, cut where colours change."""

    settings: MotionSettings

    @property
    def description(self) -> dict[str, str]:
        return {"features": "flow, colours", "resolution": "short side 240"}

    def predict(
        self,
        model: nn.Module | None,
        frame: np.ndarray,
        flow: np.ndarray | None,
        *,
        size: tuple[int, int] | None = None,
    ) -> Prediction:
        raise NotImplementedError("motion segments the frames of a video together")

    def predict_video(
        self,
        model: nn.Module | None,
        frames: Sequence[np.ndarray],
        evidence: Evidence,
        *,
        size: tuple[int, int] | None = None,
    ) -> Iterator[Prediction]:
        """Segment frames at the size of the evidence; component 1 moves of its own."""
        height, width = evidence.map.shape[1:]
        small = np.stack(
            [cv2.resize(f, (width, height), interpolation=cv2.INTER_AREA) for f in frames]
        )
        cut = shot.by_motion([evidence], appearance.colours_of(small))
        if cut is None:
            moving = np.zeros(evidence.map.shape, np.float32)
        else:
            moving = shot.finished(cut.probability, small)
        for mask in torch.from_numpy(moving):
            masks = torch.stack([1 - mask, mask])
            yield Prediction(components=masks, groups=masks)


def create(settings: MotionSettings) -> Motion:
    """Make the method."""
    return Motion(settings)
