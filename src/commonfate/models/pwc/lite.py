"""Decoding of ARFlow's PWC-Lite: from feature pyramids to flow, one decoder for all scales.

Liu et al., "Learning by Analogy", CVPR 2020; the multi-frame form is its extension to three frames.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from commonfate.models.pwc.correlation import common_scale, correlation
from commonfate.models.pwc.layers import SLOPE
from commonfate.models.pwc.warp import warp

RADIUS = 4
"""Largest displacement of the correlation, in pixels of the scale."""


def decode_pair(
    first: Sequence[Tensor],
    second: Sequence[Tensor],
    reduce: nn.ModuleList,
    estimate: nn.Module,
    refine: nn.Module,
    normalise: float = 0,
) -> list[Tensor]:
    """Flow from the first frame to the second.

    Args:
        first: (B, C, h, w) per scale, the coarsest first, each twice the size of the one before.
        second: the same shapes.
        reduce: per scale, a layer from C to a number of channels that is the same for all scales.
        estimate: from correlation, reduced features and flow to features and a change of flow.
        refine: from these features and flow to another change of flow.
        normalise: strength of `correlation.common_scale` before features are correlated.

    Returns:
        (B, 2, h, w) float32 per scale, in pixels at that scale, the coarsest first.
    """
    flow, flows = _no_flow(first[0]), []
    for scale, (here, there) in enumerate(zip(first, second, strict=True)):
        if scale:
            flow = enlarge(flow, 2)
            there = warp(there, flow)
        features, change = estimate(
            _join([_alike(here, there, normalise), reduce[scale](here), flow])
        )
        flow = flow + change
        flow = flow + refine(_join([features, flow]))
        flows.append(flow)
    return flows


def decode_triple(
    previous: Sequence[Tensor],
    middle: Sequence[Tensor],
    following: Sequence[Tensor],
    reduce: nn.ModuleList,
    estimate: nn.Module,
    refine: nn.Module,
    normalise: float = 0,
) -> list[Tensor]:
    """Flow from the middle frame to the following and to the previous one.

    The same layers serve both directions: each sees its own evidence first, then that of the other
    direction, whose flow has its sign reversed.

    Args:
        previous: as `first` of `decode_pair`.
        middle: the same shapes.
        following: the same shapes.
        reduce: as in `decode_pair`.
        estimate: as in `decode_pair`.
        refine: as in `decode_pair`.
        normalise: as in `decode_pair`.

    Returns:
        (2 B, 2, h, w) per scale, the coarsest first: to the following frame, then to the previous.
    """
    both = [torch.cat([level, level]) for level in middle]
    others = [torch.cat(pair) for pair in zip(following, previous, strict=True)]
    flow, flows = _no_flow(both[0]), []
    for scale, (here, there) in enumerate(zip(both, others, strict=True)):
        if scale:
            flow = enlarge(flow, 2)
            there = warp(there, flow)
        alike = _alike(here, there, normalise)
        evidence = [reduce[scale](here), alike, _swap(alike), flow, -_swap(flow)]
        features, change = estimate(_join(evidence))
        flow = flow + change
        flow = flow + refine(_join([features, _swap(features), flow, -_swap(flow)]))
        flows.append(flow)
    return flows


def enlarge(flow: Tensor, factor: int) -> Tensor:
    """Flow (B, 2, H, W) at `factor` times the size, bilinear, in pixels at the new size."""
    return F.interpolate(flow * factor, scale_factor=factor, mode="bilinear", align_corners=True)


def _no_flow(features: Tensor) -> Tensor:
    batch, _, height, width = features.shape
    return torch.zeros(batch, 2, height, width, device=features.device)


def _alike(here: Tensor, there: Tensor, normalise: float) -> Tensor:
    scaled = common_scale(here, there, normalise)
    return F.leaky_relu(correlation(*scaled, RADIUS), SLOPE)


def _join(evidence: list[Tensor]) -> Tensor:
    """Concatenate channels in the dtype of the first: under autocast, flow is float32."""
    return torch.cat([maps.to(evidence[0].dtype) for maps in evidence], 1)


def _swap(both: Tensor) -> Tensor:
    """Exchange the halves of a batch that holds both directions."""
    return torch.cat(both.chunk(2)[::-1])
