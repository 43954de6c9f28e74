"""Interface between a backbone and the head of a segmentation network."""

from abc import ABC, abstractmethod
from typing import Self

import torch
from torch import Tensor, nn

from commonfate.models.frame import MEAN, STD


class Backbone(nn.Module, ABC):
    """Image in, feature maps out, fine to coarse.

    Attributes:
        channels: of each map.
        strides: pixels of the image per cell of each map, fine to coarse.
        multiple: the sides of an image must be multiples of this.
    """

    channels: tuple[int, ...]
    strides: tuple[int, ...]
    multiple: int
    mean: Tensor
    std: Tensor

    def __init__(self, channels: tuple[int, ...], strides: tuple[int, ...], multiple: int) -> None:
        """Set the attributes; subclasses add the network."""
        super().__init__()
        self.channels, self.strides, self.multiple = channels, strides, multiple
        self._frozen = False
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(3, 1, 1), persistent=False)

    @abstractmethod
    def maps(self, image: Tensor) -> list[Tensor]:
        """Feature maps of a normalised image whose sides are multiples of `multiple`."""

    def forward(self, image: Tensor) -> list[Tensor]:
        """Feature maps.

        Args:
            image: (B, 3, H, W) float, RGB in [0, 1]; H and W multiples of `multiple`. Normalised
                here by ImageNet's mean and standard deviation.

        Returns:
            A map (B, C_i, H / stride_i, W / stride_i) for each of `channels` and `strides`.

        Raises:
            ValueError: the image has another shape.
        """
        if (
            image.ndim != 4
            or image.shape[1] != 3
            or any(s % self.multiple for s in image.shape[2:])
        ):
            raise ValueError(
                f"image must be (B, 3, H, W) with H and W multiples of {self.multiple}, "
                f"found {tuple(image.shape)}"
            )
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self._frozen):
            return self.maps((image - self.mean) / self.std)

    def freeze(self) -> None:
        """Keep the weights: no gradients, no drop path, no update of batch statistics."""
        self._frozen = True
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> Self:
        """Set the mode, as any module's; a frozen backbone stays in evaluation mode."""
        return super().train(mode and not self._frozen)
