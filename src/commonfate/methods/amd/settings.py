"""Hyper-parameters of AMD, defaults as in the paper (Section 4.1, supplement A.1).

What the released code does otherwise is a choice of the keys that say so; docs/amd.md lists them
together.
"""

from typing import ClassVar, Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from commonfate.base.settings import TrainedSettings

STRIDE = 64
"""Of the motion pathway's coarsest level: sides of the images that it sees are multiples of it."""


class AmdSettings(TrainedSettings):
    """Appearance-motion decomposition, trained from scratch on pairs of raw frames."""

    learns_from: ClassVar[str] = "pairs"
    foreground: ClassVar[str] = "object"
    named: ClassVar[tuple[str, ...]] = ("size", "variant", "segments")
    not_learnt: ClassVar[tuple[str, ...]] = ("adaptation_rate",)

    method: Literal["amd"] = "amd"
    segments: int = Field(5, ge=2, le=16)
    """c, the number of segments (paper: 5; Figure 5 compares 6 and 8)."""
    size: Literal["full", "small"] = "full"
    """`small` has few blocks and channels in both pathways."""
    variant: Literal["paper", "released"] = "paper"
    """Loss: SSIM of the whole image, or the released mixture with L1, scales and occlusion."""
    masks_of: Literal["warped", "target"] = "warped"
    """Whose segments flow is composed of: those of the frame that is warped (Eq. 6, and released),
    or of the frame that is made, on whose pixels the flow lies."""
    short_side: PositiveInt = 400
    """Pixels to which the shorter side of a frame is resized before it is cropped, and at which
    frames are segmented (released test: 392)."""
    crop: tuple[PositiveInt, PositiveInt] = (384, 384)
    """Height and width of the random crops that are learnt from."""
    motion_size: tuple[PositiveInt, PositiveInt] | None = None
    """Height and width at which the motion pathway sees crops, multiples of 64 (released:
    384x640, whatever the crop's shape); none is the crop's own."""
    augmentation: Literal["light", "heavy"] = "light"
    """`heavy` adds changes of colour, grey and blur (Table 2)."""
    flip: bool = True
    """Mirror half of the pairs left-right (paper; the released configuration does not)."""
    initialisation: Literal["torch", "he"] = "torch"
    """Of the motion pathway: torch's own (released, whose loop that should do better matches
    nothing), or He et al.'s, which finds motion sooner."""
    normalise_features: bool = False
    """Bring features to a common scale before they are correlated; not in the paper, but in short
    trainings no motion is found without it, see models/pwc/correlation.py."""
    batch_size: PositiveInt = 16
    """Pairs an iteration (paper: 2 on each of 8 GPUs)."""
    iterations: PositiveInt = 400_000
    """Optimiser steps."""
    learning_rate: PositiveFloat = 1e-4
    """Adam's learning rate."""
    appearance_rate: PositiveFloat = 1
    """Factor of the learning rate of the appearance pathway; not in the paper, but in short
    trainings segments must not settle before motion is found."""
    adaptation_rate: PositiveFloat = 1
    """Factor of `learning_rate` in test-time adaptation, of which the paper says nothing."""
    warmup_iterations: int = Field(0, ge=0)
    """Length of a linear warm-up; not in the paper. Flow that a first large step throws out of the
    image has no gradient to come back by."""
    schedule: Literal["constant", "polynomial"] = "constant"
    """Of the learning rate: the paper names none; released: polynomial, power 0.9, to 1e-6."""
    weight_decay: float = Field(1e-6, ge=0)
    """Adam's weight decay."""
    clip_norm: PositiveFloat | None = None
    """Largest 2-norm of the gradient; none does not clip."""

    @property
    def slug(self) -> tuple[str, ...]:
        """E.g. `("resnet50", "paper", "c5")`, or `("resnet.small", ...)`."""
        network = "resnet50" if self.size == "full" else "resnet.small"
        return (network, self.variant, f"c{self.segments}")

    @model_validator(mode="after")
    def _sizes_fit(self) -> "AmdSettings":
        seen = self.motion_size or self.crop
        if any(side % STRIDE for side in seen):
            key = "motion_size" if self.motion_size else "crop, without a motion_size,"
            raise ValueError(f"{key} {tuple(seen)} must be multiples of {STRIDE}")
        if min(self.crop) > self.short_side:
            raise ValueError(
                f"crop {tuple(self.crop)} does not fit frames of short_side {self.short_side}"
            )
        return self
