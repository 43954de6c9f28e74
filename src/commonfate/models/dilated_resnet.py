"""A residual network of stride 8 and a fully convolutional segmentation head.

AMD's appearance pathway (Liu et al., "The Emergence of Objectness", NeurIPS 2021): ResNet-50 whose
stages have strides 1, 2, 1, 1 and dilations 1, 1, 1, 2 (the released configuration; Table 4 of the
paper gives the output's size, 2048 x 48 x 48 for images of 384 x 384).
"""

from typing import Any, Literal

import torch
from torch import Tensor, nn

from commonfate.models.frame import MEAN, STD

STRIDE = 8
HEAD_WIDTH = {"full": 256, "small": 64}
"""Hidden channels of the head, by the size of the network (Table 4: 256)."""
SMALL: dict[str, Any] = {"layers": (1, 1, 1, 1), "channels": (16, 32, 64, 128), "stem_width": 16}


class DilatedResNet(nn.Module):
    """ResNet-50 that ends at an eighth of the image's resolution, from scratch.

    Attributes:
        channels: channels of the output: 2048, or 512 for size `small`.
    """

    mean: Tensor
    std: Tensor
    network: Any

    def __init__(self, size: Literal["full", "small"] = "full") -> None:
        """Make the network, initialised from torch's global generator.

        Args:
            size: `small` has one block a stage and a quarter of the channels.
        """
        super().__init__()
        import timm

        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(3, 1, 1), persistent=False)
        self.network = timm.create_model(
            "resnet50", pretrained=False, num_classes=0, **(SMALL if size == "small" else {})
        )
        self.channels: int = self.network.num_features
        for stage in (self.network.layer3, self.network.layer4):
            _keep_resolution(stage)
        _dilate(self.network.layer4, 2)

    def forward(self, image: Tensor) -> Tensor:
        """Features of an image.

        Args:
            image: (B, 3, H, W) float, RGB in [0, 1]; normalised here by ImageNet's mean and
                standard deviation.

        Returns:
            (B, channels, H / 8, W / 8), rounded up.
        """
        return self.network.forward_features((image - self.mean) / self.std)


class FcnHead(nn.Sequential):
    """Two 3x3 convolutions with batch norm and ReLU, and a third to the outputs (AMD, Table 4)."""

    def __init__(self, inputs: int, outputs: int, width: int = 256) -> None:
        """Make the head, initialised from torch's global generator.

        Args:
            inputs: channels of the features.
            outputs: channels of the result.
            width: hidden channels.
        """
        super().__init__(
            *_block(inputs, width),
            *_block(width, width),
            nn.Conv2d(width, outputs, kernel_size=3, padding=1),
        )


def _block(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
    convolution = nn.Conv2d(inputs, outputs, kernel_size=3, padding=1, bias=False)
    return convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)


def _convolutions(stage: nn.Module) -> list[nn.Conv2d]:
    return [module for module in stage.modules() if isinstance(module, nn.Conv2d)]


def _keep_resolution(stage: nn.Module) -> None:
    """Set the stride of all convolutions of a stage to 1."""
    for convolution in _convolutions(stage):
        convolution.stride = (1, 1)


def _dilate(stage: nn.Module, dilation: int) -> None:
    """Dilate the 3x3 convolutions of a stage."""
    for convolution in _convolutions(stage):
        if convolution.kernel_size == (3, 3):
            convolution.dilation = convolution.padding = (dilation, dilation)
