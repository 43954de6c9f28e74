"""Hyper-parameters of FlowDINO; docs/flowdino.md compares them with paper and released code.

The loss is the paper's by default. Where the paper is silent, values are those of the released code
(`mlzxy/flowdino`, commit ca2ed7d), named `released` below.
"""

from typing import ClassVar, Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from commonfate.base.settings import Settings
from commonfate.methods.distillation.settings import DistillationSettings, Share

Divergence = Literal["kl", "cross_entropy"]
Weights = Literal["motion", "similarity", "entropy", "equal"]


class FlowLossSettings(Settings):
    """The flow loss, Eq. 1 to 8."""

    remove_background: bool = True
    """Subtract the mean flow of the frame, Eq. 1 (false: the row of Table III without it)."""
    window: int = Field(3, ge=2)
    """K, cells a side of a window (Table III: 3 and 5; that 3 is used elsewhere follows from Table
    II)."""
    stride: PositiveInt = 2
    """Cells from a window to the next (released)."""
    sigma: PositiveFloat = 0.7
    """Radius of the flow's similarity, Eq. 4 (Section IV)."""
    temperature: PositiveFloat = 0.1
    """Temperature tau of both distributions, Eq. 5 (Section IV)."""
    still_below: float = Field(0.0, ge=0, lt=1)
    """Normalised flow of this length counts as none in Eq. 4, and lengths shrink by it (released:
    0.1)."""
    divergence: Divergence = "kl"
    """Eq. 6, or the cross-entropy of the released code; their gradients are the same."""
    weights: Weights = "motion"
    """Weights of windows: norm of their flow (Eq. 7), mean similarity (released), missing entropy
    (a choice of the released code), or equal ones (Table III, without reweighting)."""
    weight_margin: float = Field(0.01, ge=0)
    """Mean similarity at which a window begins to count, with `weights: similarity` (released)."""


RELEASED_LOSS = FlowLossSettings(still_below=0.1, divergence="cross_entropy", weights="similarity")
"""The loss of the released code."""


class FlowDinoSettings(DistillationSettings):
    """A trained DINO, fine-tuned on images by its own loss and on video frames by the flow loss.

    Of the training the paper gives the start (DINO's weights; released: those of the teacher), the
    two halves of a batch and the sum of the two losses; all other values are released: the head of
    `start` with images, a new one without, as its 8,192 outputs fit no other. How many GPUs trained
    the published models is not known: sizes and rates are those of one.
    """

    learns_from: ClassVar[str] = "flow"
    gives: ClassVar[tuple[str, ...]] = ("masks", "features")

    method: Literal["flowdino"] = "flowdino"
    distils: Literal["images", "frames", "both"] = "images"
    """Pictures that DINO's own loss sees: `images`, one beside each video frame (paper); `frames`,
    the video frames, without images (Table IV, and a choice of the released code); `both` (ours,
    for `only add video frames` of Table III, which no released setting gives)."""
    flow: FlowLossSettings = FlowLossSettings()
    """The flow loss."""
    flow_weight: float = Field(1.0, ge=0)
    """Factor of the flow loss beside DINO's; 0 leaves DINO's alone."""
    scale_flow: Literal["paper", "released"] = "paper"
    """Flow of a crop that is resized: `paper`, that of the resized picture, so that u scales with
    the width and v with the height; `released`, its values stay as they were."""
    flow_head: bool = False
    """Compare flow with the outputs of a head on the tokens instead of the tokens themselves (the
    released code makes such a head, and never applies it)."""
    local_crops: int = Field(8, ge=0)
    """Number of local crops."""
    global_scale: Share = (0.4, 1.0)
    """Smallest and largest share of an image's area that a global crop covers."""
    local_scale: Share = (0.05, 0.4)
    """Smallest and largest share of an image's area that a local crop covers."""
    outputs: int = Field(65_536, ge=2)
    """K, outputs of the head: those of DINO's checkpoint (released without ImageNet: 8,192, which
    begin anew)."""
    frozen_iterations: int = Field(0, ge=0)
    """Steps for which the head's last layer does not change (released: none, unlike DINO)."""

    momentum: float = Field(0.996, ge=0, le=1)
    """Momentum of the teacher at the first step; half a cosine leads to 1."""
    teacher_temperature: PositiveFloat = 0.03
    """Temperature of the teacher's outputs."""
    first_teacher_temperature: PositiveFloat = 0.03
    """Temperature of the teacher's outputs at the first step; without warm-up it has no effect."""
    temperature_warmup: int = Field(0, ge=0)
    """Length of the temperature's linear warm-up, in steps."""

    batch_size: PositiveInt = 14
    """Items per step, each an image and a video frame, over all processes (14 a GPU)."""
    iterations: PositiveInt = 457_555
    """Optimiser steps: 5 epochs of ImageNet's 1,281,167 images, incomplete batches dropped."""
    learning_rate: PositiveFloat = 1e-4 * 14 / 256
    """AdamW's learning rate at the first step: 0.0001 times `batch_size` / 256."""
    min_learning_rate: float = Field(1e-6, ge=0)
    """Learning rate at the end of the cosine."""
    warmup_iterations: int = Field(0, ge=0)
    """Length of the linear warm-up of the learning rate, in steps."""
    weight_decay: float = Field(0.1, ge=0)
    """AdamW's weight decay at the first step; none for biases and norms."""

    @property
    def order(self) -> Literal["samples", "videos", "any_video"]:
        """Any video beside an image; otherwise each video once an epoch (released)."""
        return "videos" if self.learns_beside is None else "any_video"

    @property
    def learns_beside(self) -> str | None:
        """Images, unless DINO's loss sees frames alone."""
        return None if self.distils == "frames" else "frames"

    @model_validator(mode="after")
    def _windows_fit(self) -> "FlowDinoSettings":
        crops = {"global_crop": True, "local_crop": self.local_crops > 0}
        for key in (key for key, used in crops.items() if used and self.flow_weight > 0):
            cells = getattr(self, key) // self.patch
            if cells < self.flow.window:
                raise ValueError(
                    f"{key} {getattr(self, key)} has {cells} patches a side, fewer than "
                    f"flow.window {self.flow.window}"
                )
        return self
