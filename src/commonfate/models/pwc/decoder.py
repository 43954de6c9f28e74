"""Decoders that turn correlation and features of one level into a change of flow."""

import torch
from torch import Tensor, nn

from commonfate.models.pwc.convolution import convolution, prediction


class ReducedDenseEstimator(nn.Module):
    """Five convolutions of which each sees only the outputs of the two before it.

    ARFlow, lightweight network: PWC-Net's estimator, where a layer sees the outputs
    of all before it, with most of those connections taken away.
    """

    features = 32

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.conv1 = convolution(inputs, 128)
        self.conv2 = convolution(128, 128)
        self.conv3 = convolution(128 + 128, 96)
        self.conv4 = convolution(128 + 96, 64)
        self.conv5 = convolution(96 + 64, self.features)
        self.predict_flow = prediction(64 + self.features)

    def forward(self, evidence: Tensor) -> tuple[Tensor, Tensor]:
        """Features (B, 32, H, W) and a change of flow (B, 2, H, W) of (B, inputs, H, W)."""
        first = self.conv1(evidence)
        second = self.conv2(first)
        third = self.conv3(torch.cat([first, second], 1))
        fourth = self.conv4(torch.cat([second, third], 1))
        fifth = self.conv5(torch.cat([third, fourth], 1))
        return fifth, self.predict_flow(torch.cat([fourth, fifth], 1))


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
