"""Layers of PWC-type networks: convolutions, feature pyramid, flow estimators, context network."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

SLOPE = 0.1
"""Negative slope of the leaky ReLU."""
FIRST_FLOW = 0.01
"""Factor of the initial weights of layers that give flow, to start near zero flow."""


def convolution(
    inputs: int, outputs: int, kernel: int = 3, stride: int = 1, dilation: int = 1
) -> nn.Sequential:
    """A convolution with bias, padded to keep the size (at stride 1), and a leaky ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, dilation * (kernel // 2), dilation),
        nn.LeakyReLU(SLOPE, inplace=True),
    )


def prediction(inputs: int, outputs: int = 2) -> nn.Sequential:
    """A 3x3 convolution without activation, in the same kind of container."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1))


def initialise(network: nn.Module, predictions: Iterable[nn.Module]) -> None:
    """Draw weights as He et al. (ICCV 2015) for leaky ReLU, with small initial flow.

    ARFlow's authors intend the former, but the loop in their code matches no layer, so torch's
    defaults apply. With those, features fade from layer to layer, until all correlations are near
    zero.

    Args:
        network: all its convolutions are initialised from torch's global generator.
        predictions: layers that give flow, made by `prediction`.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, a=SLOPE)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    with torch.no_grad():
        for layer in predictions:
            layer.get_parameter("0.weight").mul_(FIRST_FLOW)


class FeaturePyramid(nn.Module):
    """Levels of two 3x3 convolutions, the first of which halves the resolution.

    A frame's pyramid depends on that frame alone, so it serves all pairs that contain the frame.
    """

    def __init__(self, channels: Sequence[int]) -> None:
        """Make the levels.

        Args:
            channels: channels of the image, then of each level from fine to coarse.
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


class ReducedDenseFeatures(nn.Module):
    """Five convolutions, each on the outputs of the two before it only.

    PWC-Net's estimator, where a layer sees the outputs of all before it, with most of these
    connections removed: the lightweight network of ARFlow, and Table 5 of AMD.
    """

    width = 32

    def __init__(self, inputs: int, width: int = width) -> None:
        """Make the layers.

        Args:
            inputs: channels of the input.
            width: channels of the last layer; the others have 4, 4, 3 and 2 times as many.
        """
        super().__init__()
        self.joined = 3 * width
        self.conv1 = convolution(inputs, 4 * width)
        self.conv2 = convolution(4 * width, 4 * width)
        self.conv3 = convolution(8 * width, 3 * width)
        self.conv4 = convolution(7 * width, 2 * width)
        self.conv5 = convolution(5 * width, width)

    def features(self, evidence: Tensor) -> tuple[Tensor, Tensor]:
        """The last features (B, width, H, W), and the last two joined (B, 3 width, H, W)."""
        first = self.conv1(evidence)
        second = self.conv2(first)
        third = self.conv3(torch.cat([first, second], 1))
        fourth = self.conv4(torch.cat([second, third], 1))
        fifth = self.conv5(torch.cat([third, fourth], 1))
        return fifth, torch.cat([fourth, fifth], 1)


class ReducedDenseEstimator(ReducedDenseFeatures):
    """`ReducedDenseFeatures`, and the change of flow that ARFlow predicts from them per pixel."""

    def __init__(self, inputs: int) -> None:
        super().__init__(inputs)
        self.predict_flow = prediction(self.joined)

    def forward(self, evidence: Tensor) -> tuple[Tensor, Tensor]:
        """Features (B, 32, H, W) and a change of flow (B, 2, H, W) from (B, inputs, H, W)."""
        last, joined = self.features(evidence)
        return last, self.predict_flow(joined)


class ContextNetwork(nn.Module):
    """Seven convolutions, dilated by 1, 2, 4, 8, 16, 1, 1, that refine flow (PWC-Net)."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.convs = nn.Sequential(
            convolution(inputs, 128),
            convolution(128, 128, dilation=2),
            convolution(128, 128, dilation=4),
            convolution(128, 96, dilation=8),
            convolution(96, 64, dilation=16),
            convolution(64, 32),
            prediction(32),
        )

    def forward(self, evidence: Tensor) -> Tensor:
        """A change of flow (B, 2, H, W) from features and flow (B, inputs, H, W)."""
        return self.convs(evidence)
