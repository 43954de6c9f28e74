"""Features brought to a common scale before they are correlated, as far as is asked for.

Freshly drawn features are all positive and differ in length from pixel to pixel, so that bright and
textured places correlate with anything: the scores say nothing of displacement, and a network of
PWC type finds no way from them to flow for thousands of iterations. With features that are centred
and of equal length the right displacement stands out from the first iteration on (Jonschkowski et
al., "What Matters in Unsupervised Optical Flow", ECCV 2020, normalise for this reason).

Networks that are published without any normalisation still run without it: their training may begin
with it and fade it out, so that the features learn to do without.
"""

import torch
from torch import Tensor

CHANNEL_FLOOR = 1e-6
PIXEL_FLOOR = 1e-3


def common_scale(here: Tensor, there: Tensor, strength: float) -> tuple[Tensor, Tensor]:
    """Centre and scale each channel over both batches of maps, then give every pixel equal length.

    Args:
        here: (B, C, H, W) float.
        there: (B, C, H, W) float.
        strength: 1 does it fully, 0 not at all; between, divisors are raised to this power and
            means are taken off by this share.

    Returns:
        Both, float32; with strength 1 each pixel has a mean square of 1 over the channels.
    """
    if strength == 0:
        return here, there
    both = torch.cat([here, there]).float()
    mean = both.mean((0, 2, 3), keepdim=True)
    deviation = (both - mean).square().mean((0, 2, 3), keepdim=True).add(CHANNEL_FLOOR).sqrt()
    both = (both - strength * mean) / deviation**strength
    length = both.square().mean(1, keepdim=True).add(PIXEL_FLOOR).sqrt()
    first, second = (both / length**strength).chunk(2)
    return first, second
