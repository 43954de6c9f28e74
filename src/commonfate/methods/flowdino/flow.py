"""Flow as the loss sees it: without the motion of the background, and its similarity (Eq. 1, 3, 4).

Flow is NaN where it is unknown, in one component or both, and stays so. No gradient flows to it.
"""

import torch
from torch import Tensor
from torch.nn import functional

STILL = 1e-3
"""Pixels; if no place moves further than this from the mean, the frame stands still.

Ours: paper and released code would blow the rounding of a mean up to the full length of 1.
"""


@torch.no_grad()
def stabilised(flow: Tensor, remove_background: bool = True) -> Tensor:
    """Flow less its mean, divided by the largest norm that is left: Eq. 1.

    Mean and largest norm are those of the whole frame: crop afterwards, as the released code does.
    Unknown flow is in neither. A frame that stands still is 0 where it is known.

    Args:
        flow: (B, 2, H, W) floating, u then v, pixels; NaN or infinite where unknown.
        remove_background: subtract the mean; False is the row without motion removal of Table III.

    Returns:
        (B, 2, H, W), float32 or float64, norms in [0, 1]; NaN where unknown.

    Raises:
        ValueError: flow is not (B, 2, H, W).
    """
    values = relative(flow.double(), remove_background)
    kept = torch.promote_types(flow.dtype, torch.float32)
    return (values / largest_norm(values)).to(kept)


@torch.no_grad()
def relative(flow: Tensor, remove_background: bool = True) -> Tensor:
    """Flow less its mean, the numerator of Eq. 1; 0 where it is known if the frame stands still.

    Args, raises: as `stabilised`.

    Returns:
        (B, 2, H, W) of the same dtype, pixels; NaN where unknown.
    """
    if flow.ndim != 4 or flow.shape[1] != 2:
        raise ValueError(f"flow must be (B, 2, H, W), got {tuple(flow.shape)}")
    valid = flow.isfinite().all(1, keepdim=True)
    values = flow.masked_fill(~valid, 0)
    if remove_background:
        count = valid.sum((2, 3), keepdim=True).clamp(min=1)
        total = values.sum((2, 3), keepdim=True, dtype=torch.float64)
        values = (values - (total / count).to(values.dtype)).masked_fill(~valid, 0)
    # Squares by hand: a norm over two channels that lie far apart took half of a sample's time.
    largest = values.square().sum(1).flatten(1).amax(1).sqrt().view(-1, 1, 1, 1)
    return torch.where(largest > STILL, values, 0).masked_fill(~valid, torch.nan)


@torch.no_grad()
def largest_norm(flow: Tensor) -> Tensor:
    """Largest norm of the flow of each frame, the denominator of Eq. 1.

    Args:
        flow: (B, 2, H, W) floating, NaN where unknown.

    Returns:
        (B, 1, 1, 1); infinite where nothing moves or is known, so that 0 divided by it is 0.
    """
    squares = flow.square().sum(1).nan_to_num(0.0)
    largest = squares.flatten(1).amax(1).sqrt().view(-1, 1, 1, 1)
    return torch.where(largest > 0, largest, torch.inf)


@torch.no_grad()
def on_cells(flow: Tensor, size: tuple[int, int]) -> Tensor:
    """Flow at the cells of a feature map, bicubic, without antialiasing (released code).

    A cell is unknown if a pixel of the 4 x 4 around its centre is. Norms may come out above 1.

    Args:
        flow: (B, 2, H, W) floating, stabilised; it has no unit, so values do not scale.
        size: height and width of the map, in cells.

    Returns:
        (B, 2, h, w); flow itself where it has this size.
    """
    if flow.shape[2:] == size:
        return flow
    return functional.interpolate(flow, size, mode="bicubic", align_corners=False)


@torch.no_grad()
def flow_similarity(
    flow: Tensor, salient: Tensor, sigma: float, still_below: float = 0.0
) -> Tensor:
    """Similarity of the flow at the salient place of a window x to that at all its places y.

    Eq. 3 and 4: S(x, y) = |y| exp((cos(x, y) - 1) / sigma), the cosine saturated to [0, 1], and 0
    where x or y stands still.

    Args:
        flow: (B, L, K^2, 2) floating, stabilised.
        salient: (B, L) int64, a place of each window.
        sigma: above 0.
        still_below: norm that counts as no motion; |y| is replaced by max(0, |y| - it). The paper
            has 0, the released code 0.1.

    Returns:
        (B, L, K^2), not negative; NaN where y is unknown, or everywhere where x is.
    """
    centre = flow.take_along_dim(salient[..., None, None], 2)
    cosine = functional.cosine_similarity(centre, flow, dim=-1).clamp(0, 1)
    length = (flow.norm(dim=-1) - still_below).clamp(min=0)
    return length * ((cosine - 1) / sigma).exp()
