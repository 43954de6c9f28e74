"""Hyper-parameters of masked feature prediction; docs/maskfeat.md says what the paper has."""

from typing import ClassVar, Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from commonfate.base.settings import TrainedSettings

TARGETS_OF_SCALE, TARGETS_OF_PLACE = 26, 6
"""Numbers of targets, as `models.descriptors` makes them; repeated here so that settings need no
torch."""


class MaskFeatSettings(TrainedSettings):
    """An encoder that predicts descriptors of patches of which it sees only a part."""

    learns_from: ClassVar[str] = "frames"
    gives: ClassVar[tuple[str, ...]] = ("features",)
    named: ClassVar[tuple[str, ...]] = ("dim", "depth", "patch")

    method: Literal["maskfeat"] = "maskfeat"
    dim: PositiveInt = 192
    """Channels of the vision transformer, a multiple of `heads` and of 4."""
    depth: PositiveInt = 6
    """Blocks of the vision transformer."""
    heads: PositiveInt = 3
    """Heads of its attention."""
    patch: PositiveInt = 8
    """Side of a patch, in pixels."""

    crop: int = Field(224, ge=8)
    """Side of the crops, in pixels; a multiple of `patch`."""
    largest_zoom: float = Field(1.5, ge=1)
    """An image's shorter side is resized to between `crop` and this many times it."""
    flip: bool = True
    """Mirror half of the crops left-right."""
    brightness: float = Field(0.2, ge=0, lt=1)
    """Largest relative change of what the encoder sees; its targets do not change."""
    tint: float = Field(0.05, ge=0, lt=1)
    """Largest relative change of each colour by itself, as `brightness`."""

    seen_share: float = Field(0.4, gt=0, le=1)
    """Share of a crop's patches that pass through the network: scattered ones and a square of
    neighbours take turns."""
    masked_share: float = Field(0.2, ge=0, lt=1)
    """Share of these whose content is replaced by the mask token."""
    masked_weight: float = Field(0.5, ge=0)
    """Weight of the loss at masked patches; that at others is 1."""
    class_weight: float = Field(0.5, ge=0)
    """Weight of the loss of the class token, which predicts the mean of the crop."""

    scales: tuple[PositiveInt, ...] = (1, 3, 9, 27)
    """Odd sides of the windows that describe a patch, in patches."""
    floor: float = Field(1.0, gt=0)
    """Share of the mean variance that is added to each before targets are whitened."""
    bound: PositiveFloat = 4.0
    """Largest absolute value of a whitened target."""
    measured_iterations: PositiveInt = 50
    """Steps whose crops give the statistics for whitening; constant afterwards."""

    batch_size: PositiveInt = 8
    """Crops per step, over all processes."""
    iterations: PositiveInt = 4000
    """Optimiser steps."""
    learning_rate: PositiveFloat = 1.5e-3
    """AdamW's learning rate after the warm-up."""
    matrix_factor: PositiveFloat = 3.0
    """Muon's learning rate, for the matrices of the blocks, in units of AdamW's."""
    warmup_iterations: int = Field(100, ge=0)
    """Length of the linear warm-up of the learning rate, in steps; half a cosine to 0 follows."""
    weight_decay: float = Field(0.02, ge=0)
    """Weight decay; none for biases and norms."""
    clip_norm: PositiveFloat | None = 1.0
    """Largest 2-norm of the gradient; none does not clip it."""

    @property
    def network(self) -> str:
        """E.g. `ViT, dim 192, depth 6, patch 8`, for tables."""
        return f"ViT, dim {self.dim}, depth {self.depth}, patch {self.patch}"

    @property
    def slug(self) -> tuple[str, ...]:
        """E.g. `("vit192", "l6", "p8")`."""
        return (f"vit{self.dim}", f"l{self.depth}", f"p{self.patch}")

    @property
    def targets(self) -> int:
        """Number of targets of a patch."""
        return TARGETS_OF_SCALE * len(self.scales) + TARGETS_OF_PLACE

    @model_validator(mode="after")
    def _sizes_fit(self) -> "MaskFeatSettings":
        if self.dim % self.heads or self.dim % 4:
            raise ValueError(f"dim {self.dim} must be a multiple of heads {self.heads} and of 4")
        if self.crop % self.patch:
            raise ValueError(f"crop {self.crop} must be a multiple of patch {self.patch}")
        if even := [scale for scale in self.scales if scale % 2 == 0]:
            raise ValueError(f"scales {even} must be odd: a window has a patch in its middle")
        if self.targets > self.dim:
            raise ValueError(
                f"dim {self.dim} is less than the {self.targets} targets of scales "
                f"{list(self.scales)}; take a larger dim or fewer scales"
            )
        return self
