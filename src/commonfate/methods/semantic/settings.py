"""Hyper-parameters of the fine-tuning on labelled images (AMD, Section 4.4).

The paper gives 40,000 iterations, batches of 16, a learning rate of 0.01 and its decay, polynomial
of power 0.9. The released code, a fork of MMSegmentation, has no configuration for it, so all else
is that of MMSegmentation's FCN on VOC 2012 (`pascal_voc12.py`, `fcn_r50-d8.py`, `schedule_40k.py`),
with three differences: there is no auxiliary head, which would need its own loss weight; the loss
is a mean over the pixels with a label (MMSegmentation's of 2021 counts the others, too); and sides
of images are rounded to multiples of the network's stride.
"""

from typing import ClassVar, Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from commonfate.base.settings import TrainedSettings

VOID = 255
"""Label of pixels without a class."""
STRIDE = 8
"""Stride of `models.dilated_resnet`, which is not imported here because it needs torch."""


class SemanticSettings(TrainedSettings):
    """A class for each pixel, learnt from labelled images."""

    learns_from: ClassVar[str] = "labels"
    gives: ClassVar[tuple[str, ...]] = ("classes",)
    named: ClassVar[tuple[str, ...]] = ("size", "classes")

    method: Literal["semantic"] = "semantic"
    classes: int = Field(21, ge=2, le=VOID)
    """Number of classes C, background included; labels are 0 to C - 1."""
    size: Literal["full", "small"] = "full"
    """`small` has few blocks and channels."""
    start: str | None = None
    """Checkpoint of an `amd` run of the same `size`; training starts from its backbone. None starts
    at random (row Scratch of Table 2)."""
    short_side: PositiveInt = 512
    """Length of an image's short side, in pixels, in prediction and, before `scale_range`, in
    training; the long side becomes at most four times as long."""
    scale_range: tuple[PositiveFloat, PositiveFloat] = (0.5, 2.0)
    """Range of the random scale factor of each training image."""
    crop_size: tuple[PositiveInt, PositiveInt] = (512, 512)
    """Height and width of the training crops, multiples of 8."""
    class_share: float = Field(0.75, gt=0, le=1)
    """A crop is drawn again, ten times at most, if a class has this share of it or more; 1 takes
    every crop."""
    distort_colours: bool = True
    """Change brightness, contrast, saturation and hue of training images."""
    flip: bool = True
    """Mirror half of the samples left-right."""
    dropout: float = Field(0.1, ge=0, lt=1)
    """Share of the channels that are dropped before the last convolution in training."""
    batch_size: PositiveInt = 16
    """Samples per iteration."""
    iterations: PositiveInt = 40_000
    """Optimiser steps."""
    learning_rate: PositiveFloat = 0.01
    """SGD's learning rate at the first step."""
    min_learning_rate: float = Field(1e-4, ge=0)
    """Learning rate at the end of the decay."""
    decay_power: PositiveFloat = 0.9
    """Power of the polynomial decay."""
    momentum: float = Field(0.9, ge=0, lt=1)
    """SGD's momentum."""
    weight_decay: float = Field(5e-4, ge=0)
    """SGD's weight decay, of all parameters."""
    clip_norm: PositiveFloat | None = None
    """Largest 2-norm of the gradient; none does not clip it."""

    @property
    def slug(self) -> tuple[str, ...]:
        """E.g. `("resnet50", "c21")`, or `("resnet.small", ...)`."""
        network = "resnet50" if self.size == "full" else "resnet.small"
        return (network, f"c{self.classes}")

    @model_validator(mode="after")
    def _crops_fit_the_network(self) -> "SemanticSettings":
        if any(side % STRIDE for side in self.crop_size):
            raise ValueError(f"crop_size {self.crop_size} must be multiples of {STRIDE}")
        return self

    @model_validator(mode="after")
    def _ranges_are_in_order(self) -> "SemanticSettings":
        if self.scale_range[0] > self.scale_range[1]:
            raise ValueError(f"scale_range {self.scale_range} must be the smaller factor first")
        if self.min_learning_rate > self.learning_rate:
            raise ValueError(
                f"min_learning_rate {self.min_learning_rate} must be at most learning_rate "
                f"{self.learning_rate}"
            )
        return self
