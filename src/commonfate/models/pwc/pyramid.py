"""Feature pyramids: the same convolutions on every frame, each level half the size of the last."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from commonfate.models.pwc.convolution import convolution


class FeaturePyramid(nn.Module):
    """Levels of two 3x3 convolutions, the first of which halves the resolution.

    A frame's pyramid depends on that frame alone, so it serves every pair the frame is in.
    """

    def __init__(self, channels: Sequence[int]) -> None:
        """Make the levels.

        Args:
            channels: of the image, then of each level from fine to coarse.
        """
        super().__init__()
        self.convs = nn.ModuleList(
            nn.Sequential(convolution(finer, coarser, stride=2), convolution(coarser, coarser))
            for finer, coarser in pairwise(channels)
        )

    def forward(self, image: Tensor) -> list[Tensor]:
        """Features of each level, from coarse to fine.

        Args:
            image: (B, C, H, W) float; sides multiples of two to the number of levels.

        Returns:
            (B, channels of the level, H / 2^level, W / 2^level) each, the coarsest first.
        """
        levels = []
        for level in self.convs:
            image = level(image)
            levels.append(image)
        return levels[::-1]
