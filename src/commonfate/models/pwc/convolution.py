"""The layers of PWC-type networks, and what they begin with."""

from collections.abc import Iterable

import torch
from torch import nn

SLOPE = 0.1
# How much layers that give flow are damped at first, so that training starts near zero flow.
FIRST_FLOW = 0.01


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


def initialise(network: nn.Module, predictions: Iterable[nn.Sequential]) -> None:
    """Draw weights as He et al. (ICCV 2015) for leaky ReLU, and let first flow be small.

    ARFlow's authors mean to do the former, but their loop matches nothing, so that torch's defaults
    apply: those let features fade from layer to layer, until all correlations are near zero.

    Args:
        network: all its convolutions are drawn anew, from torch's global generator.
        predictions: of `prediction`, the layers that give flow.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, a=SLOPE)
            nn.init.zeros_(module.bias)
    with torch.no_grad():
        for layer in predictions:
            layer[0].weight.mul_(FIRST_FLOW)
