"""Decoders that turn correlation and features of one level into a change of flow."""

import torch
from torch import Tensor, nn

from commonfate.models.pwc.convolution import convolution, prediction


class ReducedDenseFeatures(nn.Module):
    """Five convolutions of which each sees only the outputs of the two before it.

    PWC-Net's estimator, where a layer sees the outputs of all before it, with most of those
    connections taken away: the lightweight network of ARFlow, and Table 5 of AMD.
    """

    width = 32

    def __init__(self, inputs: int, width: int = width) -> None:
        """Make the layers.

        Args:
            inputs: channels of the evidence.
            width: channels of the last layer; the others have four, four, three and two times it.
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
    """These features, and the change of flow that ARFlow predicts of them at each pixel."""

    def __init__(self, inputs: int) -> None:
        super().__init__(inputs)
        self.predict_flow = prediction(self.joined)

    def forward(self, evidence: Tensor) -> tuple[Tensor, Tensor]:
        """Features (B, 32, H, W) and a change of flow (B, 2, H, W) of (B, inputs, H, W)."""
        last, joined = self.features(evidence)
        return last, self.predict_flow(joined)


class ContextNetwork(nn.Module):
    """Seven convolutions, dilated by 1, 2, 4, 8, 16, 1, 1, that refine flow.

    PWC-Net, context network.
    """

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
        """A change of flow (B, 2, H, W) of features and flow (B, inputs, H, W)."""
        return self.convs(evidence)
