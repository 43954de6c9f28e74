"""AMD's network: an appearance pathway that segments, a motion pathway that moves segments."""

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from commonfate.models.dilated_resnet import HEAD_WIDTH, DilatedResNet, FcnHead
from commonfate.models.pwc.segment_flow import (
    CHANNELS,
    SMALL_CHANNELS,
    SMALL_WIDTH,
    WIDTH,
    MotionPathway,
    SegmentFlow,
)

Size = Literal["full", "small"]
MOTION: dict[Size, tuple[tuple[int, ...], int]] = {
    "full": (CHANNELS, WIDTH),
    "small": (SMALL_CHANNELS, SMALL_WIDTH),
}
"""Channels and width of the motion pathway."""


class AppearancePathway(nn.Module):
    """From one image to c segments: f_A of Eq. 1, before the softmax."""

    def __init__(self, segments: int, size: Size) -> None:
        super().__init__()
        self.backbone = DilatedResNet(size)
        self.head = FcnHead(self.backbone.channels, segments, HEAD_WIDTH[size])

    def forward(self, image: Tensor) -> Tensor:
        """Logits (B, c, H / 8, W / 8) of images (B, 3, H, W) float, RGB in [0, 1]."""
        return self.head(self.backbone(image))


class AmdNetwork(nn.Module):
    """Both pathways, and the number of the object's segment.

    Attributes:
        object_segment: int64 scalar, set by `Amd.finalize`.
    """

    object_segment: Tensor

    def __init__(self, segments: int, size: Size) -> None:
        """Make both pathways, initialised from torch's global generator.

        Args:
            segments: c.
            size: `full` or `small`.
        """
        super().__init__()
        self.appearance = AppearancePathway(segments, size)
        self.motion = MotionPathway(*MOTION[size])
        self.register_buffer("object_segment", torch.zeros((), dtype=torch.int64))

    def forward(
        self,
        first: Tensor,
        second: Tensor,
        motion_size: tuple[int, int] | None = None,
        masks_of: str = "warped",
    ) -> "Pairs":
        """Segments and segment flow of pairs, both ways.

        Args:
            first: (B, 3, H, W) float, RGB in [0, 1].
            second: the same shape.
            motion_size: height and width of the motion pathway's input; None: that of the frames.
            masks_of: segments of which the flow on a frame's grid is composed: those of the other
                frame, which is warped (`warped`), or of that frame itself (`target`).
        """
        segments = self.appearance(torch.cat([first, second])).float().softmax(1)
        first, second = (stretched(image, motion_size) for image in (first, second))
        here, there = segments.chunk(2)
        levels = self.motion.encode(torch.cat([first, second]))
        swapped = [torch.cat(level.chunk(2)[::-1]) for level in levels]
        masks = segments if masks_of == "target" else torch.cat([there, here])
        both = self.motion.decode(levels, swapped, masks)
        forward, backward = both.chunk()
        forward_masks, backward_masks = masks.chunk(2)
        return Pairs(forward_masks, backward_masks, forward, backward)


# Not frozen: Fabric rebuilds the output of a network, and refuses frozen data classes.
@dataclass
class Pairs:
    """Segments and segment flow of pairs of frames, both ways.

    Attributes:
        forward_masks: (B, c, h, w) float32, segments of the forward flow, summing to 1 over c.
        backward_masks: (B, c, h, w) float32, segments of the backward flow.
        forward: segment flow from the first frame to the second.
        backward: segment flow from the second frame to the first.
    """

    forward_masks: Tensor
    backward_masks: Tensor
    forward: SegmentFlow
    backward: SegmentFlow


def stretched(image: Tensor, size: tuple[int, int] | None) -> Tensor:
    """Images (B, 3, H, W) at another size and aspect: bilinear, as in the released code."""
    if size is None:
        return image
    return F.interpolate(image, size, mode="bilinear", align_corners=True)
