"""Hyper-parameters of Guess What Moves, defaults as in the paper's supplement A.

Settings of the U-Net and those that it shares with MaskFormer, whose own are in `gwm_maskformer`.
Keys choose between the paper and the released code where these differ; docs/gwm.md lists all.
"""

from abc import abstractmethod
from collections.abc import Collection
from typing import ClassVar, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from commonfate.base.gaps import Gap, resolved
from commonfate.base.settings import Settings, TrainedSettings
from commonfate.models.catalogue import FeatureName


class MergeSettings(Settings):
    """Merging of K components into two groups (Section 3.2)."""

    by: Literal["appearance", "motion"] = "appearance"
    """`appearance`: spectral clustering of the features of each frame (the paper); `motion`: one
    choice for each video, of the components that move of their own, which are the object."""
    features: Literal[FeatureName, "network"] = "dino_vits8"
    """Dense features V_u: keys of a DINO ViT, the network's own, or colour and texture; not read
    by `motion`."""
    weights: str | None = None
    """File with a DINO ViT's weights; none fetches the published ones."""
    gap: Gap | None = None
    """Gap of the flow that `motion` reads, in both directions; none is the shortest available."""
    epsilon: PositiveFloat = 1e-12
    """Floor of the affinity, Eq. 6 (the released code has 1e-6)."""


class GuessWhatMovesSettings(TrainedSettings):
    """Settings that do not depend on the network: loss, optimiser, merging."""

    not_learnt: ClassVar[tuple[str, ...]] = ("merge",)

    components: int = Field(4, ge=1, le=16)
    """K, the number of regions that the network predicts."""
    flow_model: Literal["constant", "affine", "quadratic"] = "quadratic"
    """Parametric model of the flow inside a region (Table 2)."""
    variant: Literal["paper", "released"] = "paper"
    """Eq. 3-4, or the released code's loss: fit with weights m^2, one blended reconstruction."""
    upsample: Literal["logits", "probabilities"] = "probabilities"
    """Maps that are upsampled to the flow's size: logits (supplement A) or probabilities
    (released)."""
    clip_flow: PositiveFloat | None = None
    """Clip flow to +- this many pixels (released: 20; not in the paper)."""
    normalise_flow: bool = False
    """Divide each flow field by the RMS of its global fit's residual (not in the paper)."""
    boundary_reach: PositiveInt | None = None
    """Learn from the flow within so many pixels of motion boundaries, at `flow_size`; none: from
    all (the paper)."""
    drop_worst: float = Field(0, ge=0, lt=1)
    """Share of a batch that is not learnt from, the samples of largest loss (not in the paper)."""
    image_size: tuple[PositiveInt, PositiveInt] = (128, 224)
    """Height and width of the network's input, in pixels; multiples of 16."""
    flow_size: tuple[PositiveInt, PositiveInt] = (480, 854)
    """Height and width to which flow is resized for the loss, in pixels."""
    flip: bool = False
    """Mirror half of the samples left-right (not in the paper)."""
    iterations: PositiveInt = 15_000
    """Optimiser steps (released: 20000, as in Table 5 without pre-training)."""
    weight_decay: float = Field(0.01, ge=0)
    """AdamW's weight decay (released; 0 for norms and embeddings)."""
    warmup_iterations: int = Field(1500, ge=0)
    """Length of the linear warm-up."""
    warmup_from: PositiveFloat = 1e-6
    """Learning rate at the first iteration (released: 1e-6 times `learning_rate`)."""
    decay_power: PositiveFloat = 0.9
    """Power of the polynomial decay."""
    decay_iterations: PositiveInt | None = None
    """Iterations over which the decay is planned (released: 160000); default: `iterations`."""
    loss_multiplier: PositiveFloat = 0.03
    """Factor of the loss."""
    merge: MergeSettings = MergeSettings()
    """Merging of K components into foreground and background."""

    @property
    def by_video(self) -> bool:
        return self.merge.by == "motion"

    @property
    def reads_flow(self) -> bool:
        return self.by_video

    @property
    def gap(self) -> int | None:
        """Gap of the flow that the merging by motion reads."""
        return self.merge.gap

    def merged_by_motion(self) -> Self:
        merge = self.merge.model_copy(update={"by": "motion"})
        return self.model_copy(update={"merge": merge})

    @property
    def foreground(self) -> str:
        return "object" if self.by_video else super().foreground

    def resolved(self, gaps: Collection[int]) -> Self:
        if not self.by_video:
            return self
        merge = self.merge.model_copy(update={"gap": resolved(self.merge.gap, gaps)})
        return self.model_copy(update={"merge": merge})

    @property
    @abstractmethod
    def multiple(self) -> int:
        """Sides of the network's input must be multiples of this, in pixels."""

    @model_validator(mode="after")
    def _sizes_fit_the_network(self) -> "GuessWhatMovesSettings":
        if any(side % self.multiple for side in self.image_size):
            raise ValueError(f"image_size {self.image_size} must be multiples of {self.multiple}")
        return self

    @model_validator(mode="after")
    def _samples_are_dropped_by_the_papers_loss(self) -> "GuessWhatMovesSettings":
        if self.drop_worst and (self.variant, self.upsample) != ("paper", "probabilities"):
            raise ValueError("drop_worst needs variant paper and upsample probabilities")
        return self

    @model_validator(mode="after")
    def _decay_outlasts_training(self) -> "GuessWhatMovesSettings":
        if self.decay_iterations is not None and self.decay_iterations < self.iterations:
            raise ValueError(
                f"decay_iterations {self.decay_iterations} must be at least iterations "
                f"{self.iterations}, or the learning rate ends at 0 before training does"
            )
        return self


class GwmSettings(GuessWhatMovesSettings):
    """Guess What Moves with a U-Net, trained from scratch."""

    named: ClassVar[tuple[str, ...]] = ("backbone", "flow_model", "components")

    method: Literal["gwm"] = "gwm"
    backbone: Literal["unet"] = "unet"
    """Segmentation network."""
    width: int = Field(64, ge=4, le=256)
    """Channels of the U-Net's first level; each of its four levels doubles them."""
    batch_size: PositiveInt = 16
    """Samples per iteration."""
    learning_rate: PositiveFloat = 7e-4
    """AdamW's learning rate after the warm-up."""
    clip_norm: PositiveFloat = 5.0
    """Largest 2-norm of the gradient."""

    @property
    def multiple(self) -> int:
        return 16

    @property
    def slug(self) -> tuple[str, ...]:
        """E.g. `("unet", "quadratic", "k4")`."""
        return (self.backbone, self.flow_model, f"k{self.components}")
