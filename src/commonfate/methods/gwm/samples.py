"""From a frame and its flow to the tensors that the loss needs, in the loader's processes."""

import numpy as np
import torch
from torch import Tensor

from commonfate.flow.resize import resize
from commonfate.methods.base import Example
from commonfate.methods.gwm.loss import split_unknown
from commonfate.methods.gwm.normalise import normalised
from commonfate.methods.gwm.polynomial import DEGREES
from commonfate.methods.gwm.pull_back import flow_maps
from commonfate.methods.gwm.settings import GuessWhatMovesSettings
from commonfate.models.frame import resize_frame, to_image


def pulls_back(settings: GuessWhatMovesSettings) -> bool:
    """Whether the loss is linear in the masks, so that the loader can reduce the flow."""
    return settings.variant == "paper" and settings.upsample == "probabilities"


def prepare(settings: GuessWhatMovesSettings, example: Example) -> dict[str, Tensor]:
    """Turn one sample into tensors.

    Args:
        settings: of the run.
        example: a frame with its flow.

    Returns:
        `image` (3, h, w) float32 in [0, 1]; and either `flow_maps` (1 + 2n, h, w) float32 with
        `valid` (H, W) bool, at image and flow size, or `flow` (2, H, W) float32.
    """
    frame, flow = example.frame, example.flow
    if example.flip:
        frame, flow = frame[:, ::-1], flow[:, :, ::-1] * np.float32([-1, 1])[:, None, None]
    image = to_image(resize_frame(frame, settings.image_size))
    target = _target(settings, flow)
    if not pulls_back(settings):
        return {"image": image, "flow": target}
    filled, valid = split_unknown(target)
    maps = flow_maps(filled, valid, settings.image_size, DEGREES[settings.flow_model])
    return {"image": image, "flow_maps": maps, "valid": valid}


def _target(settings: GuessWhatMovesSettings, flow: np.ndarray) -> Tensor:
    """The flow that the loss sees: resized, clipped and normalised as the settings say."""
    target = torch.from_numpy(np.ascontiguousarray(resize(flow, settings.flow_size, "nearest")))
    if settings.clip_flow is not None:
        clipped = target.clamp(-settings.clip_flow, settings.clip_flow)
        target = torch.where(target.isfinite(), clipped, torch.nan)
    if settings.normalise_flow:
        target = normalised(target, DEGREES[settings.flow_model])
    return target
