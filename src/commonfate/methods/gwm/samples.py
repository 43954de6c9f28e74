"""A frame and its flow as the tensors that the loss needs, made in the loader's processes."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from commonfate.flow.resize import resize
from commonfate.methods.base import required
from commonfate.methods.gwm.fit import without_global_fit
from commonfate.methods.gwm.loss import pixel_count, split_unknown
from commonfate.methods.gwm.polynomial import DEGREES
from commonfate.methods.gwm.settings import GuessWhatMovesSettings
from commonfate.models.frame import resize_frame, to_image
from commonfate.samples.example import Example

NOISE = 0.1
"""About the error of estimated flow, in pixels: smaller motion should not be amplified."""

ABRUPT = 4
"""Change of the flow at a motion boundary, by its mean change from a pixel to the next."""


def prepare(settings: GuessWhatMovesSettings, example: Example) -> dict[str, Tensor]:
    """Turn one sample into tensors.

    Args:
        settings: of the run.
        example: a frame with its flow.

    Returns:
        `image` (3, h, w) float32 in [0, 1], at the network's size; `flow` (2, H, W) float32, at
        `flow_size`, NaN where unknown.

    Raises:
        ValueError: the sample has no flow.
    """
    frame, flow = example.frame, required(example.flow, "flow")
    if example.flip:
        frame = frame[:, ::-1]
        flow = flow[:, :, ::-1] * np.array([-1, 1], np.float32)[:, None, None]
    image = to_image(resize_frame(frame, settings.image_size))
    return {"image": image, "flow": _target(settings, flow)}


def _target(settings: GuessWhatMovesSettings, flow: np.ndarray) -> Tensor:
    """Flow as the loss takes it: resized, clipped and normalised by the settings."""
    target = torch.from_numpy(resize(flow, settings.flow_size, "nearest"))
    if settings.clip_flow is not None:
        clipped = target.clamp(-settings.clip_flow, settings.clip_flow)
        target = torch.where(target.isfinite(), clipped, torch.nan)
    if settings.normalise_flow:
        target = normalised(target, DEGREES[settings.flow_model])
    if settings.boundary_reach is not None:
        target = near_boundaries(target, settings.boundary_reach)
    return target


def near_boundaries(flow: Tensor, reach: int) -> Tensor:
    """Flow near motion boundaries; unknown elsewhere.

    Far from them flow says nothing of where regions end, and where estimated flow is smooth over
    what has no texture it says the wrong thing. A boundary is where the flow changes from a pixel
    to the next by more than `ABRUPT` times the mean of these changes.

    Args:
        flow: (2, H, W) float32; NaN where unknown.
        reach: distance from a boundary, in rows and columns, pixels.

    Returns:
        (2, H, W) float32.
    """
    filled, valid = split_unknown(flow)
    across = functional.pad(filled[:, :, 1:] - filled[:, :, :-1], (0, 1))
    down = functional.pad(filled[:, 1:] - filled[:, :-1], (0, 0, 0, 1))
    change = torch.sqrt(across.square().sum(0) + down.square().sum(0))
    # The jump to what is unknown is none of the scene.
    complete = -functional.max_pool2d(-valid[None].float(), 3, 1, 1)[0]
    change = change * complete
    boundary = change > ABRUPT * change.mean()
    near = functional.max_pool2d(boundary[None].float(), 2 * reach + 1, 1, reach)[0] > 0
    return torch.where(near, flow, torch.nan)


def normalised(flow: Tensor, degree: int) -> Tensor:
    """Divide a flow field by the root mean square of the residual of its global fit.

    Not in the paper. The energy of Eq. 3 is in square pixels, so fast frames outweigh slow ones by
    orders of magnitude, and a short training learns little from the latter. After the division, the
    loss of a single region is 1 for any field (less where there is only noise), and the loss of K
    regions is the fraction that they leave unexplained.

    Args:
        flow: (2, H, W) float, pixels; NaN where unknown.
        degree: degree of the flow model.

    Returns:
        (2, H, W), without unit; NaN where unknown.
    """
    filled, valid = split_unknown(flow)
    residual = without_global_fit(filled[None], valid[None], degree)
    mean_square = residual.square().sum() / pixel_count(valid)
    return flow / (mean_square + NOISE**2).sqrt()
