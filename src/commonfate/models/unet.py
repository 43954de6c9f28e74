"""The standard four-level U-Net (Ronneberger et al. 2015, with padding and batch norm).

Guess What Moves, supplement A, trains this network from scratch. As in the implementation that the
supplement names (milesial/Pytorch-UNet), a level is two 3x3 convolutions, each with batch norm and
ReLU; going down is 2x2 max-pooling, going up a 2x2 transposed convolution.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from commonfate.models.frame import MEAN, STD

LEVELS = 4


class UNet(nn.Module):
    """Image in, a map of logits for each output, at the image's resolution.

    Width 64 is the standard network, of 31.0 million parameters.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, outputs: int, width: int = 64) -> None:
        """Make the network, initialised by torch's defaults from its global generator.

        Args:
            outputs: number of maps.
            width: channels of the first level; each further level doubles them.
        """
        super().__init__()
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(3, 1, 1), persistent=False)
        channels = [width * 2**level for level in range(LEVELS + 1)]
        pairs = list(pairwise(channels))
        self.stem = _double_convolution(3, width)
        self.down = nn.ModuleList(_double_convolution(fine, coarse) for fine, coarse in pairs)
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(coarse, fine, kernel_size=2, stride=2)
            for fine, coarse in reversed(pairs)
        )
        self.merge = nn.ModuleList(
            _double_convolution(2 * fine, fine) for fine, _ in reversed(pairs)
        )
        self.head = nn.Conv2d(width, outputs, kernel_size=1)

    def dense_and_logits(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Decoder features, and the logits that a 1x1 convolution makes of them.

        Args:
            image: (B, 3, H, W) float, RGB in [0, 1]; H and W multiples of 16.

        Returns:
            (B, width, H, W), not negative; (B, outputs, H, W).

        Raises:
            ValueError: H or W is not a multiple of 16.
        """
        if any(side % 2**LEVELS for side in image.shape[-2:]):
            raise ValueError(f"image must have sides of multiples of 16, found {image.shape[-2:]}")
        level = self.stem((image - self.mean) / self.std)
        skipped = []
        for down in self.down:
            skipped.append(level)
            level = down(nn.functional.max_pool2d(level, 2))
        for up, merge in zip(self.up, self.merge, strict=True):
            level = merge(torch.cat([skipped.pop(), up(level)], dim=1))
        return level, self.head(level)

    def forward(self, image: Tensor) -> Tensor:
        """Logits.

        Args, raises: as `dense_and_logits`.

        Returns:
            (B, outputs, H, W).
        """
        return self.dense_and_logits(image)[1]


def _double_convolution(inputs: int, outputs: int) -> nn.Sequential:
    """Two 3x3 convolutions without bias, each followed by batch norm and ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
        nn.Conv2d(outputs, outputs, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )
