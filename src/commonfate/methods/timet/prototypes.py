"""Prototypes: unit vectors that features of patches are compared with."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class Prototypes(nn.Module):
    """K unit vectors that are learnt; a patch's scores are its cosines with them.

    Their gradient is that of plain vectors, so a step changes their lengths: `renormalise` follows
    each step, as in TimeT's released code; the paper names no norm.

    Args:
        number: K.
        dim: C, size of a feature.
    """

    def __init__(self, number: int, dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(functional.normalize(torch.randn(number, dim), dim=1))

    def forward(self, features: Tensor) -> Tensor:
        """Cosines of features with all prototypes, in float32 under autocast, too.

        Args:
            features: (..., C) floating, of any norm; a feature of norm 0 has the score 0.

        Returns:
            (..., K) float32, in [-1, 1] while prototypes have unit length.
        """
        with torch.autocast(features.device.type, enabled=False):
            unit = functional.normalize(features.float(), dim=-1)
            return functional.linear(unit, self.weight.float())

    @torch.no_grad()
    def renormalise(self) -> None:
        """Scale all prototypes to unit length."""
        self.weight.copy_(functional.normalize(self.weight, dim=1))
