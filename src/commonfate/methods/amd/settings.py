"""Hyper-parameters of AMD, defaults as in the paper (Section 4.1, supplement A.1).

Keys choose between the paper and the released code where these differ; docs/amd.md lists all.
"""

from collections.abc import Collection
from typing import ClassVar, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from commonfate.base.gaps import Gap, resolved
from commonfate.base.settings import TrainedSettings

STRIDE = 64
"""Stride of the motion pathway's coarsest level; sides of its input are multiples of this."""


class AmdSettings(TrainedSettings):
    """Appearance-motion decomposition, trained from scratch on pairs of raw frames."""

    learns_from: ClassVar[str] = "pairs"
    named: ClassVar[tuple[str, ...]] = ("size", "variant", "segments")
    not_learnt: ClassVar[tuple[str, ...]] = ("adaptation_rate", "merge", "gap")

    method: Literal["amd"] = "amd"
    segments: int = Field(5, ge=2, le=16)
    """c, the number of segments (paper: 5; Figure 5 compares 6 and 8)."""
    merge: Literal["object_segment", "motion"] = "object_segment"
    """Object: the segment that moved most in training (Section 3.5); or, not in the paper, one
    choice for each video, of the segments that move of their own there."""
    gap: Gap | None = None
    """Gap of the flow that the choice by motion reads, in both directions; none is the shortest
    available."""
    size: Literal["full", "small"] = "full"
    """`small` has few blocks and channels in both pathways."""
    variant: Literal["paper", "released"] = "paper"
    """Loss: SSIM of the whole image, or the released loss with L1, scales and occlusion."""
    masks_of: Literal["warped", "target"] = "warped"
    """Segments of which flow is composed: those of the frame that is warped (Eq. 6 and released
    code), or of the target, the frame that is reconstructed, on whose grid the flow is."""
    short_side: PositiveInt = 400
    """Length of a frame's shorter side before the crop, and in prediction (released test: 392), in
    pixels."""
    crop: tuple[PositiveInt, PositiveInt] = (384, 384)
    """Height and width of the random crops for training, in pixels."""
    motion_size: tuple[PositiveInt, PositiveInt] | None = None
    """Height and width to which crops are stretched for the motion pathway, multiples of 64
    (released: 384x640 for crops of any aspect); none is the crop's own."""
    augmentation: Literal["light", "heavy"] = "light"
    """`heavy` adds colour jitter, grayscale and blur (Table 2)."""
    flip: bool = True
    """Mirror half of the pairs left-right (paper; the released configuration does not)."""
    initialisation: Literal["torch", "he"] = "torch"
    """Initial weights of the motion pathway: torch's defaults (released code, where the loop that
    should set others matches no layer), or He et al.'s, which find motion sooner."""
    normalise_features: bool = False
    """Bring features to a common scale before they are correlated. Not in the paper, but short
    trainings find no motion without it, see models/pwc/correlation.py."""
    batch_size: PositiveInt = 16
    """Pairs per iteration (paper: 2 on each of 8 GPUs)."""
    iterations: PositiveInt = 400_000
    """Optimiser steps."""
    learning_rate: PositiveFloat = 1e-4
    """Adam's learning rate."""
    appearance_rate: PositiveFloat = 1
    """Factor of the appearance pathway's learning rate. Not in the paper, but in short trainings
    segments must not converge before motion is found."""
    adaptation_rate: PositiveFloat = 1
    """Factor of `learning_rate` in test-time adaptation (the paper gives none)."""
    warmup_iterations: int = Field(0, ge=0)
    """Length of a linear warm-up. Not in the paper; if a large first step moves flow out of the
    image, no gradient leads back."""
    schedule: Literal["constant", "polynomial"] = "constant"
    """Schedule of the learning rate (the paper names none; released: polynomial, power 0.9, to
    1e-6)."""
    weight_decay: float = Field(1e-6, ge=0)
    """Adam's weight decay."""
    clip_norm: PositiveFloat | None = None
    """Largest 2-norm of the gradient; none does not clip."""

    @property
    def foreground(self) -> str:
        return "object"

    def merged_by_motion(self) -> Self:
        return self.model_copy(update={"merge": "motion"})

    @property
    def by_video(self) -> bool:
        return self.merge == "motion"

    @property
    def reads_flow(self) -> bool:
        return self.by_video

    def resolved(self, gaps: Collection[int]) -> Self:
        if not self.by_video:
            return self
        return self.model_copy(update={"gap": resolved(self.gap, gaps)})

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
