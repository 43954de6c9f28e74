"""From a frame and its flow to the tensors that the loss needs, in the loader's processes."""

import numpy as np
import torch
from torch import Tensor

from commonfate.flow.resize import resize
from commonfate.methods.gwm.normalise import normalised
from commonfate.methods.gwm.polynomial import DEGREES
from commonfate.methods.gwm.settings import GuessWhatMovesSettings
from commonfate.models.frame import resize_frame, to_image
from commonfate.samples.example import Example


def prepare(settings: GuessWhatMovesSettings, example: Example) -> dict[str, Tensor]:
    """Turn one sample into tensors.

    Args:
        settings: of the run.
        example: a frame with its flow.

    Returns:
        `image` (3, h, w) float32 in [0, 1], at the network's size; `flow` (2, H, W) float32, at the
        size at which the loss sees it, NaN where unknown.
    """
    frame, flow = example.frame, example.flow
    if example.flip:
        frame, flow = frame[:, ::-1], flow[:, :, ::-1] * np.float32([-1, 1])[:, None, None]
    image = to_image(resize_frame(frame, settings.image_size))
    return {"image": image, "flow": _target(settings, flow)}


def _target(settings: GuessWhatMovesSettings, flow: np.ndarray) -> Tensor:
    """The flow that the loss sees: resized, clipped and normalised as the settings say."""
    target = torch.from_numpy(resize(flow, settings.flow_size, "nearest"))
    if settings.clip_flow is not None:
        clipped = target.clamp(-settings.clip_flow, settings.clip_flow)
        target = torch.where(target.isfinite(), clipped, torch.nan)
    if settings.normalise_flow:
        target = normalised(target, DEGREES[settings.flow_model])
    return target
