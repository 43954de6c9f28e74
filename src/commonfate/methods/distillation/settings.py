"""Hyper-parameters of self-distillation, defaults as DINO trains ViT-S/16.

Those of the released model: 800 epochs of ImageNet in batches of 1,024 (1,251 steps an epoch).
docs/dino.md lists where paper, released model and defaults of the released code differ.
"""

from typing import ClassVar, Literal

from pydantic import Field, PositiveFloat, PositiveInt, field_validator, model_validator

from commonfate.base.settings import TrainedSettings
from commonfate.models import catalogue

Share = tuple[PositiveFloat, PositiveFloat]


class DistillationSettings(TrainedSettings):
    """Encoder, crops, head, teacher and optimiser."""

    learns_from: ClassVar[str] = "frames"
    gives: ClassVar[tuple[str, ...]] = ("features",)
    not_learnt: ClassVar[tuple[str, ...]] = ("weights_of",)
    named: ClassVar[tuple[str, ...]] = ("dim", "depth", "patch")

    dim: PositiveInt = 384
    """Channels of the vision transformer, a multiple of `heads`."""
    depth: PositiveInt = 12
    """Blocks of the vision transformer."""
    heads: PositiveInt = 6
    """Heads of its attention."""
    patch: PositiveInt = 16
    """Side of a patch, in pixels."""
    drop_path: float = Field(0.1, ge=0, lt=1)
    """Rate of stochastic depth in the student's last block."""
    weights_of: Literal["teacher", "student"] = "teacher"
    """Network whose encoder is used after the training; in short trainings the teacher lags."""

    start: str | None = None
    """Weights that student and teacher start from: a published or bundled encoder, a file, or the
    checkpoint of a run (tables fill it in); none: random ones. DINO's are `dino.vits16.full` and
    the like."""
    head: Literal["start", "new"] = "start"
    """Weights of DINO's head: those beside the encoder of `start`, which must have it, or random
    ones."""
    positions: PositiveInt | None = None
    """Side of the square whose positions the encoder learns, in pixels; none: `global_crop`. It
    must be that of `start`; DINO's is 224."""
    global_crop: int = Field(224, ge=8)
    """Side of the two global crops, in pixels; a multiple of `patch`."""
    local_crop: int = Field(96, ge=8)
    """Side of the local crops, in pixels; a multiple of `patch`."""
    local_crops: int = Field(10, ge=0)
    """Number of local crops."""
    global_scale: Share = (0.25, 1.0)
    """Smallest and largest share of an image's area that a global crop covers."""
    local_scale: Share = (0.05, 0.25)
    """Smallest and largest share of an image's area that a local crop covers."""
    flip: bool = True
    """Mirror half of the crops left-right, each by itself."""

    outputs: int = Field(65_536, ge=2)
    """K, outputs of the head."""
    hidden: PositiveInt = 2048
    """Width of the head's two hidden layers."""
    bottleneck: PositiveInt = 256
    """Size of the unit vector before the head's last layer."""
    learns_lengths: bool = False
    """Train the lengths of the last layer's rows; unstable but for small networks (released ViT-S:
    true)."""
    frozen_iterations: int = Field(1251, ge=0)
    """Steps for which the head's last layer does not change (one epoch)."""

    momentum: float = Field(0.996, ge=0, le=1)
    """Momentum of the teacher at the first step; half a cosine leads to 1."""
    centre_momentum: float = Field(0.9, ge=0, le=1)
    """Momentum of the centre."""
    student_temperature: PositiveFloat = 0.1
    """Temperature of the student's outputs."""
    teacher_temperature: PositiveFloat = 0.07
    """Temperature of the teacher's outputs after the warm-up."""
    first_teacher_temperature: PositiveFloat = 0.04
    """Temperature of the teacher's outputs at the first step."""
    temperature_warmup: int = Field(37_530, ge=0)
    """Length of the temperature's linear warm-up, in steps (30 epochs)."""

    batch_size: PositiveInt = 1024
    """Images per step, over all processes."""
    iterations: PositiveInt = 1_000_800
    """Optimiser steps."""
    learning_rate: PositiveFloat = 2e-3
    """AdamW's learning rate after the warm-up (paper: 0.0005 times `batch_size` / 256)."""
    min_learning_rate: float = Field(1e-5, ge=0)
    """Learning rate at the end of the cosine."""
    warmup_iterations: int = Field(12_510, ge=0)
    """Length of the linear warm-up of the learning rate, in steps (10 epochs)."""
    weight_decay: float = Field(0.04, ge=0)
    """AdamW's weight decay at the first step; none for biases and norms."""
    final_weight_decay: float = Field(0.4, ge=0)
    """AdamW's weight decay at the end of its cosine."""
    clip_norm: PositiveFloat | None = 3.0
    """Largest 2-norm of the gradient of each tensor by itself; none does not clip it."""

    @property
    def network(self) -> str:
        """E.g. `ViT, dim 384, depth 12, patch 16, from dino.vits16.full`, for tables."""
        start = f", from {catalogue.shown(self.start)}" if self.start is not None else ""
        return f"ViT, dim {self.dim}, depth {self.depth}, patch {self.patch}{start}"

    @property
    def slug(self) -> tuple[str, ...]:
        """E.g. `("vit384", "l12", "p16")`."""
        return (f"vit{self.dim}", f"l{self.depth}", f"p{self.patch}")

    @field_validator("start")
    @classmethod
    def _name_of_the_start(cls, start: str | None) -> str | None:
        if start is None:
            return None
        if start.startswith(f"{catalogue.RANDOM}."):
            raise ValueError("random weights are what a training starts from without start")
        return catalogue.encoder_name(start)

    @model_validator(mode="after")
    def _sizes_fit(self) -> "DistillationSettings":
        if self.dim % self.heads:
            raise ValueError(f"dim {self.dim} must be a multiple of heads {self.heads}")
        for key in ("global_crop", "local_crop"):
            if getattr(self, key) % self.patch:
                raise ValueError(
                    f"{key} {getattr(self, key)} must be a multiple of patch {self.patch}"
                )
        if self.positions is not None and self.positions % self.patch:
            raise ValueError(f"positions {self.positions} must be a multiple of patch {self.patch}")
        for key in ("global_scale", "local_scale"):
            least, most = getattr(self, key)
            if not least <= most <= 1:
                raise ValueError(
                    f"{key} {(least, most)} must be two shares of 1, the smaller first"
                )
        return self
