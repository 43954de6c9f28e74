"""Crops of a video frame, and the flow at the cells of their feature maps (FlowDINO's samples).

The released code subtracts the mean of a frame's flow and keeps its largest norm, then crops,
resizes and mirrors flow and frame alike, without changing values. Here a mirrored u is negated; and
with `scale_flow: paper` flow is that of the resized picture: u times its change of width, v of
height. Factors common to both cancel in Eq. 1, so this matters as much as crops change the aspect.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from commonfate.flow.resize import resize
from commonfate.methods.distillation.crops import Placement, placed_crops
from commonfate.methods.flowdino.flow import largest_norm, on_cells, relative
from commonfate.methods.flowdino.settings import FlowDinoSettings

PREFIX = "frame_"
"""Beginning of the names of a frame's crops; those of an image have none."""


def frame_crops(
    settings: FlowDinoSettings, frame: np.ndarray, flow: np.ndarray | None, seed: int
) -> dict[str, Tensor]:
    """Crops of a frame as of an image, and their flow, a function of the seed.

    Args:
        settings: of the run.
        frame: (H, W, 3) uint8, RGB.
        flow: (2, h, w) float32, u then v, pixels of its own size; NaN where unknown. None gives
            crops alone.
        seed: of the sample.

    Returns:
        `frame_global_crops` (2, 3, G, G) and `frame_local_crops` (V, 3, L, L), uint8, RGB;
        with flow: `global_flow` (2, 2, G/P, G/P) and `local_flow` (V, 2, L/P, L/P), float32,
        without unit, NaN where unknown.
    """
    views, places = placed_crops(settings, frame, seed)
    crops = {f"{PREFIX}{name}": view for name, view in views.items()}
    if flow is None:
        return crops
    size = (frame.shape[0], frame.shape[1])
    own = flow if flow.shape[1:] == size else resize(flow, size)
    moving = relative(
        torch.from_numpy(np.ascontiguousarray(own))[None], settings.flow.remove_background
    )
    for name, side, chosen in (
        ("global_flow", settings.global_crop, places[:2]),
        ("local_flow", settings.local_crop, places[2:]),
    ):
        cells = side // settings.patch
        parts = [flow_crop(moving, place, side, settings.scale_flow == "paper") for place in chosen]
        empty = torch.empty(0, 2, cells, cells)
        crops[name] = on_cells(torch.cat(parts), (cells, cells)) if parts else empty
    return crops


@torch.no_grad()
def flow_crop(moving: Tensor, place: Placement, side: int, scaled: bool) -> Tensor:
    """Normalised flow (Eq. 1) of a crop of a frame, resized to a square.

    Bilinear, antialiased; a pixel is unknown if one that it is made of is.

    Args:
        moving: (1, 2, H, W) float32, flow of the whole frame less its mean, pixels; NaN where
            unknown.
        place: the crop.
        side: S, of the result, in pixels.
        scaled: scale u and v by the change of width and height before they are normalised.

    Returns:
        (1, 2, S, S) float32; norms of the whole frame are at most 1.
    """
    ratio = moving.new_tensor([side / place.width, side / place.height]).view(1, 2, 1, 1)
    whole = moving * ratio if scaled else moving
    rows = slice(place.top, place.top + place.height)
    columns = slice(place.left, place.left + place.width)
    part = whole[:, :, rows, columns] / largest_norm(whole)
    part = functional.interpolate(part, (side, side), mode="bilinear", antialias=True)
    return part.flip(3) * part.new_tensor([-1.0, 1.0]).view(1, 2, 1, 1) if place.mirrored else part
