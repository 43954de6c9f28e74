"""Interface of encoders: an image in, features of its patches out."""

from abc import ABC, abstractmethod
from collections.abc import Collection
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from commonfate.models.frame import MEAN, STD

Feature = Literal["tokens", "keys", "cls", "attention"]
FEATURES: tuple[Feature, ...] = get_args(Feature)
TOKENS: tuple[Feature, ...] = ("tokens",)


class Encoder(nn.Module, ABC):
    """Features of images, for as many patches as fit.

    Attributes:
        dim: channels C of `tokens`, `keys` and `cls`.
        patch: pixels P between the cells of the maps of features; sides of images are multiples.
        offers: features that the network has.
        network: the network itself, whose parameters have timm's names.
    """

    dim: int
    patch: int
    offers: tuple[Feature, ...] = FEATURES
    network: Any
    mean: Tensor
    std: Tensor

    def __init__(self, dim: int, patch: int) -> None:
        """Set the attributes; subclasses add the network."""
        super().__init__()
        self.dim, self.patch = dim, patch
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(3, 1, 1), persistent=False)

    def forward(self, images: Tensor, names: Collection[Feature] = TOKENS) -> dict[str, Tensor]:
        """Features of images of one size, in one pass.

        Args:
            images: (B, 3, H, W) float32, RGB in [0, 1]; H and W positive multiples of P. Normalised
                here by ImageNet's mean and standard deviation.
            names: some of `offers`.

        Returns:
            By name, float32 (or the type of the network's weights):
            `tokens`: (B, H/P, W/P, C), last layer after the last norm, without the class token;
            `keys`: (B, H/P, W/P, C), keys of the last attention layer, its heads side by side;
            `cls`: (B, C), the class token of the last layer after the last norm, or what the
            network has in its place;
            `attention`: (B, heads, H/P, W/P), attention of the class token to each patch in the
            last layer. A row sums to less than 1: the rest is attention to the class token itself.

        Raises:
            ValueError: the images have another shape, or the network lacks a feature.
        """
        if images.ndim != 4 or images.shape[1] != 3:
            raise ValueError(f"images must be (B, 3, H, W), found {tuple(images.shape)}")
        if any(side < self.patch or side % self.patch for side in images.shape[2:]):
            height, width = images.shape[2:]
            raise ValueError(
                f"images must have sides of multiples of {self.patch}, found {height}x{width}"
            )
        if lacking := [name for name in names if name not in self.offers]:
            raise ValueError(
                f"{type(self).__name__} has no {' and no '.join(lacking)}, only "
                f"{', '.join(self.offers)}"
            )
        return self._features((images - self.mean) / self.std, frozenset(names))

    @abstractmethod
    def _features(self, images: Tensor, names: frozenset[str]) -> dict[str, Tensor]:
        """Features of normalised images; arguments and results as those of `forward`."""
