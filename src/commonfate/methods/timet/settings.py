"""Hyper-parameters of TimeT, defaults as in the paper; `released` has those of the code.

Where the paper is silent, defaults are the code's. In comments P is the paper (ICCV 2023, Section
and Appendix A), R the released code (commit 94550b5); docs/timet.md compares them.
"""

from typing import Any, ClassVar, Literal, Self

from pydantic import (
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    field_validator,
    model_validator,
)

from commonfate.base.settings import Settings, TrainedSettings
from commonfate.base.text import counted
from commonfate.models import catalogue
from commonfate.models.settings import ExtractionSettings, ForwarderSettings


class TargetSettings(Settings):
    """Choice of the targets of a clip's last frame."""

    forwards: Literal["none", "identity", "logits", "assignments"] = "assignments"
    """Carried to the last frame (P, Table 2): nothing, so that it has its own assignments;
    assignments of the first frame, held still; the first frame's scores, which are assigned at the
    end; its assignments (P's method, R)."""
    form: Literal["soft", "argmax"] = "soft"
    """`soft`: P, Eq. 9. `argmax`: R; the largest prototype has all the weight."""
    epsilon: PositiveFloat = 0.05
    """Temperature of the optimal transport (R; P names none)."""
    sinkhorn_iterations: NonNegativeInt = 10
    """Pairs of scalings (R, whose option of 3 is not read; P names none)."""
    logits_by: Literal["softmax", "sinkhorn"] = "softmax"
    """Assignment of carried scores. P: "un-entropy-regularized clustering", so a softmax; optimal
    transport is the other reading."""
    temperature: PositiveFloat = 0.1
    """Temperature of the scores: in the loss (P, R), and in the softmax of carried ones."""
    forwarder: ForwarderSettings = ForwarderSettings.equations()
    """Feature-Forwarder: Eq. 3 to 5 of P with R's window of 6; R keeps five patches of a context of
    seven frames and the first."""

    @property
    def source(self) -> int:
        """Frame of a clip whose scores are the source of the targets: 0, or -1 for the last."""
        return -1 if self.forwards == "none" else 0

    @classmethod
    def released(cls, **changes: Any) -> Self:
        """Settings of the released code."""
        return cls(**{"form": "argmax", "forwarder": ForwarderSettings(), **changes})


class TimetSettings(TrainedSettings):
    """Time-tuning of an encoder on clips without labels."""

    learns_from: ClassVar[str] = "clips"
    gives: ClassVar[tuple[str, ...]] = ("masks", "features")
    named: ClassVar[tuple[str, ...]] = ("encoder", "prototypes")

    method: Literal["timet"] = "timet"
    encoder: str = "dino.vits16"
    """Encoder that training starts from, as of the method `frozen` (P 4.1: DINO's ViT-S/16; R's
    default file is one of MSN)."""
    start: str | None = None
    """Checkpoint of a run of this project whose encoder training starts from, in the place of
    `encoder`; none: that."""
    encoder_seed: NonNegativeInt = 0
    """Seed of an encoder of random weights."""
    trained_blocks: PositiveInt = 2
    """Last blocks of the encoder that are trained, with none of the others (P, R)."""
    head: tuple[PositiveInt, ...] = Field((2048, 2048, 256), min_length=1)
    """Widths of the linear layers of the projection head, with GELU between them. P: three, 2048
    hidden, the last not named; R: 1024, 1024, 512, 256."""
    prototypes: int = Field(200, ge=2)
    """K, number of prototypes (P, R); Table 1a has 10, 50, 200 and 300."""
    targets: TargetSettings = TargetSettings()
    """Targets of the last frame."""
    teacher: Literal["none", "average", "inverted"] = "none"
    """Network that gives the first frame's scores: the one that learns (P), its moving average, or
    R's, in which the momentum is the share of the network that learns."""
    momentum: float = Field(0.995, ge=0, le=1)
    """Teacher's momentum at the first step; half a cosine leads to 1 (R)."""
    queue: NonNegativeInt = 0
    """Features of earlier steps that are assigned with the batch, over all processes; 0: none (P,
    R's default; R's option has 16,384)."""
    queued_patches: PositiveInt = 10
    """Patches of a clip that a step adds to the queue (R)."""

    extraction: ExtractionSettings = ExtractionSettings()
    """The foreground that the method segments: cluster-based, without truth, with clusters of
    frames that training has seen (P, Table 6, finds clusters on the scored images)."""

    frames: PositiveInt = 4
    """Frames of a clip (P 4.1, R); Table 1c has 1, 2, 4 and 8."""
    spacing_s: PositiveFloat = 0.5
    """Seconds between the frames of a clip (P; Table 1b has 0.2, 0.5 and 1)."""
    sampling: Literal["interval", "uniform"] = "interval"
    """`interval`: frames at the spacing (P). `uniform`: random frames of the whole video, in order
    (R, which does not read its option of a spacing)."""
    colour: Literal["clip", "frame"] = "clip"
    """Change of colour, grey and blur, drawn once a clip (R), or for each frame; P names none."""
    crop: int = Field(224, ge=8)
    """Side of the crops, in pixels (R); a multiple of the encoder's patch."""
    crop_scale: tuple[PositiveFloat, PositiveFloat] = (0.4, 1.0)
    """Smallest and largest share of the frame's area that a crop covers (R); the same crop through
    a clip."""
    flip: bool = True
    """Mirror half of the clips left-right (R)."""

    batch_size: PositiveInt = 128
    """Clips per step, over all processes (P, R)."""
    iterations: PositiveInt = 660
    """Optimiser steps: 30 epochs (P 4.1; ablations 12, R 100), a clip of each of the 2,776 videos
    that are 80 % of YouTube-VOS in batches of 128."""
    learning_rate: PositiveFloat = 1e-4
    """AdamW's learning rate of head and prototypes at the first step (P, R)."""
    backbone_factor: PositiveFloat = 0.1
    """Learning rate of the encoder's blocks, in units of the head's (P, R)."""
    schedule: Literal["cosine", "constant"] = "cosine"
    """Learning rate: half a cosine to 0 (R), or constant; P names none."""
    weight_decay: float = Field(0.04, ge=0)
    """Weight decay at the first step, none for biases and norms (R; P only: by a cosine)."""
    final_weight_decay: float = Field(0.4, ge=0)
    """Weight decay at the end of its cosine (R)."""
    clip_norm: PositiveFloat | None = None
    """Largest 2-norm of the gradient; none does not clip it (R; P names none)."""

    @property
    def network(self) -> str:
        """E.g. `dino.vits16, last 2 blocks trained`, for tables."""
        start = "a run" if self.start is not None else catalogue.shown(self.encoder)
        return f"{start}, last {counted(self.trained_blocks, 'block')} trained"

    @property
    def foreground(self) -> str:
        return "object"

    @property
    def slug(self) -> tuple[str, ...]:
        """E.g. `("dino.vits16", "p200")`; `("p200",)` where it starts from a run."""
        encoder = () if self.start is not None else (catalogue.encoder_word(self.encoder),)
        return (*encoder, f"p{self.prototypes}")

    @classmethod
    def released(cls, **changes: Any) -> Self:
        """Settings of the released code, whose default encoder is another: DINO's, as in the paper.

        Of its 100 epochs that with the best score on PASCAL VOC is kept, every fourth looked at.
        """
        values: dict[str, Any] = {
            "head": (1024, 1024, 512, 256),
            "targets": TargetSettings.released(),
            "teacher": "inverted",
            "sampling": "uniform",
            "iterations": 2200,
        }
        return cls(**{**values, **changes})

    @field_validator("encoder")
    @classmethod
    def _name_of_the_encoder(cls, encoder: str) -> str:
        return catalogue.encoder_name(encoder)

    @model_validator(mode="after")
    def _values_fit(self) -> "TimetSettings":
        least, most = self.crop_scale
        if not least <= most <= 1:
            raise ValueError(
                f"crop_scale {self.crop_scale} must be two shares of 1, the smaller first"
            )
        architecture = None if self.start else catalogue.architecture_of(self.encoder)
        if architecture is None:
            return self  # a file, of which the training tells
        if architecture not in catalogue.VITS:
            raise ValueError(f"encoder {self.encoder} is no vision transformer")
        patch = catalogue.VITS[architecture].patch
        if self.crop % patch:
            raise ValueError(
                f"crop {self.crop} must be a multiple of the patch {patch} of encoder "
                f"{self.encoder}"
            )
        return self
