"""AMD's motion pathway: a flow vector for each segment, from coarse to fine (Sections 3.2 and 3.3).

Liu et al., "The Emergence of Objectness", NeurIPS 2021: PWC-Net's pyramid and flow estimator
without context network; features are pooled inside each segment before flow is predicted.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from commonfate.models.pwc.correlation import common_scale, correlation
from commonfate.models.pwc.layers import SLOPE, FeaturePyramid, ReducedDenseFeatures, convolution
from commonfate.models.pwc.lite import RADIUS, enlarge
from commonfate.models.pwc.warp import warp

CHANNELS = (3, 16, 32, 64, 96, 128, 192)
SMALL_CHANNELS = (3, 16, 32, 48, 64)
FINEST = 4
"""Flow is estimated down to a quarter of the image's resolution."""
WIDTH, SMALL_WIDTH = 32, 16
HIDDEN = 64
MASS_FLOOR = 1e-6
"""Least mass of a segment in Eq. 3, as a fraction of the image; below, features fade to zero."""


class SegmentEstimator(ReducedDenseFeatures):
    """Motion features V of one level (Table 5), and the two layers that predict flow from them."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__(inputs, width)
        self.predict_flow1 = nn.Sequential(
            nn.Conv2d(self.joined, HIDDEN, 1), nn.LeakyReLU(SLOPE, inplace=True)
        )
        self.predict_flow2 = nn.Sequential(nn.Conv2d(HIDDEN, 2, 1))

    def forward(self, evidence: Tensor) -> Tensor:
        """V, (B, 3 width, H, W), from (B, inputs, H, W)."""
        return self.features(evidence)[1]

    def read(self, features: Tensor) -> Tensor:
        """g of Eq. 4: a change of flow (B, 2, H, W) for features (B, 3 width, H, W)."""
        return self.predict_flow2(self.predict_flow1(features))


# Not frozen: Fabric rebuilds the output of a network, and refuses frozen data classes.
@dataclass
class SegmentFlow:
    """Flow of one direction.

    Attributes:
        flows: segment flow F of Eq. 5, (B, 2, h, w) float32 per scale, in pixels at that scale, the
            finest first; the first has the image's size, each other half the one before.
        vectors: F_m of Eq. 4, (B, c, 2) float32, u then v, in pixels of the image.
    """

    flows: list[Tensor]
    vectors: Tensor

    def chunk(self) -> tuple["SegmentFlow", "SegmentFlow"]:
        """The two halves of a batch."""
        flows = zip(*(flow.chunk(2) for flow in self.flows), strict=True)
        halves = zip(flows, self.vectors.chunk(2), strict=True)
        first, second = (SegmentFlow(list(f), v) for f, v in halves)
        return first, second


class MotionPathway(nn.Module):
    """From two frames and the segments of one of them to a flow vector for each segment.

    Attributes:
        stride: the sides of images must be multiples of this.
        normalise: strength of `correlation.common_scale` before features are correlated; 0, as
            published, or 1.
    """

    def __init__(self, channels: Sequence[int] = CHANNELS, width: int = WIDTH) -> None:
        """Make the network, initialised by torch's defaults, as in the released code.

        Args:
            channels: channels of the image, then of each level of the pyramid from fine to coarse.
            width: channels of the estimator's last layer, and of the reduced pyramid.
        """
        super().__init__()
        self.stride = 2 ** (len(channels) - 1)
        self.normalise = 0.0
        self.feature_pyramid_extractor = FeaturePyramid(channels)
        scales = channels[:1:-1]
        self.conv_1x1 = nn.ModuleList(convolution(inputs, width, kernel=1) for inputs in scales)
        self.flow_estimators = SegmentEstimator((2 * RADIUS + 1) ** 2 + width + 2, width)

    def encode(self, image: Tensor) -> list[Tensor]:
        """Features of each frame by itself.

        Args:
            image: (B, 3, H, W) float, RGB in [0, 1], sides multiples of `stride`.

        Returns:
            (B, C, h, w) per level at which flow is estimated, the coarsest first.

        Raises:
            ValueError: the image has another shape.
        """
        if image.ndim != 4 or any(side % self.stride for side in image.shape[-2:]):
            raise ValueError(
                f"images must be (B, 3, H, W) with H and W multiples of {self.stride}, found "
                f"{tuple(image.shape)}"
            )
        return self.feature_pyramid_extractor(image)[: len(self.conv_1x1)]

    def decode(
        self, first: Sequence[Tensor], second: Sequence[Tensor], masks: Tensor
    ) -> SegmentFlow:
        """Segment flow from the first frame to the second.

        Args:
            first: from `encode`.
            second: from `encode`, the same shapes.
            masks: S, (B, c, h, w) float in [0, 1] of any size, summing to 1 over c: segments on the
                first frame's grid. (The released code, and Eq. 6 read literally, take the segments
                of the *second* frame, which is warped.)
        """
        vectors = first[0].new_zeros(masks.shape[0], masks.shape[1], 2, dtype=torch.float32)
        flow, flows = compose(vectors, _resized(masks, first[0])), []
        for scale, (here, there) in enumerate(zip(first, second, strict=True)):
            segments = _resized(masks, here)
            if scale:
                vectors, flow = 2 * vectors, enlarge(flow, 2)
                there = warp(there, flow)
            alike = F.leaky_relu(
                correlation(*common_scale(here, there, self.normalise), RADIUS), SLOPE
            )
            evidence = [alike, self.conv_1x1[scale](here), flow]
            features = self.flow_estimators(
                torch.cat([maps.to(alike.dtype) for maps in evidence], 1)
            )
            pooled = pool(features, segments).transpose(1, 2)[..., None]
            change = self.flow_estimators.read(pooled.to(features.dtype))
            vectors = vectors + change[..., 0].transpose(1, 2).float()
            flow = compose(vectors, segments)
            flows.append(enlarge(flow, FINEST))
        return SegmentFlow(flows[::-1], FINEST * vectors)

    def forward(self, first: Tensor, second: Tensor, masks: Tensor) -> SegmentFlow:
        """Segment flow between two images (B, 3, H, W): `encode`, then `decode`."""
        both = self.encode(torch.cat([first, second]))
        here, there = zip(*(level.chunk(2) for level in both), strict=True)
        return self.decode(here, there, masks)


def pool(features: Tensor, masks: Tensor) -> Tensor:
    """Mean features inside each segment: Eq. 3.

    Args:
        features: V, (B, C, h, w) float.
        masks: S, (B, c, h, w) float in [0, 1].

    Returns:
        V_m, (B, c, C) float32; zeros for a segment that has vanished.
    """
    features, masks = features.float().flatten(2), masks.float().flatten(2)
    mass = masks.sum(2)
    with _precisely(masks):
        sums = torch.bmm(masks, features.transpose(1, 2))
    return sums / mass.clamp(min=MASS_FLOOR * masks.shape[2])[..., None]


def compose(vectors: Tensor, masks: Tensor) -> Tensor:
    """Segment flow F, (B, 2, h, w) float32, of vectors (B, c, 2) and masks (B, c, h, w): Eq. 5."""
    with _precisely(masks):
        return torch.einsum("bkd,bkhw->bdhw", vectors.float(), masks.float())


def _precisely(tensor: Tensor) -> torch.autocast:
    """A context without autocast, which would round matrix products, on the tensor's device."""
    return torch.autocast(tensor.device.type, enabled=False)


def _resized(masks: Tensor, features: Tensor) -> Tensor:
    """Masks at the size of a feature map, float32."""
    height, width = features.shape[-2:]
    return F.interpolate(masks.float(), (height, width), mode="bilinear", align_corners=True)
