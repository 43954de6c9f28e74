"""Settings of the training of flow networks: every number of the recipe."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    field_validator,
    model_validator,
)

from commonfate.base.settings import Name, Settings, from_pairs, to_pairs
from commonfate.training.flow.arflow_loss_settings import ArflowLossSettings

Strength = Annotated[float, Field(ge=0, lt=1)]


class FlowTrainingSettings(Settings):
    """The recipe of one network. RAFT's own: AdamW, one cycle, gradients clipped to norm 1.

    Teed and Deng, "RAFT", ECCV 2020, trained 100,000 iterations of ten pairs; this one is cut down
    to what two CPU cores do in an hour or two.
    """

    objective: Literal["supervised", "arflow"] = "supervised"
    """`supervised`: the network's own loss against the exact flow; `arflow`: images alone."""
    arflow: ArflowLossSettings = ArflowLossSettings()
    """Terms of the objective `arflow`."""
    regularise_from: int = Field(0, ge=0)
    """Iteration from which the objective `arflow` has its second pass, when flow is sensible."""
    normalise: tuple[NonNegativeInt, NonNegativeInt] | None = None
    """Iterations between which a PWC-Lite's features cease to be normalised before correlation;
    none never normalises them. Without it, features say nothing of displacement at first, and
    thousands of iterations leave the flow at zero."""
    start: str | None = None
    """Weights to begin with, a name such as `things` or a file; none begins at random."""
    updates: PositiveInt | None = 6
    """Updates of a recurrent network in training; none for networks without such a setting."""
    evaluation_updates: PositiveInt | None = 12
    """Updates in evaluation."""
    iterations: PositiveInt = 10000
    """Optimiser steps."""
    batch_size: PositiveInt = 2
    """Pairs a step."""
    crop: tuple[int, int] = (128, 192)
    """Height and width of training pairs; RAFT needs 128 a side, PWC-Net multiples of 64."""
    learning_rate: PositiveFloat = 4e-4
    """The greatest one, at the end of the warm-up."""
    warmup: float = Field(0.02, gt=0, lt=1)
    """Share of the iterations in which the learning rate rises; from there it falls to nothing."""
    weight_decay: NonNegativeFloat = 1e-5
    """AdamW's, of convolution weights."""
    clip_norm: PositiveFloat = 1.0
    """Largest norm of the gradient."""
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "bf16-mixed"
    """Arithmetic; bf16-mixed takes 0.6 of the time also on CPUs that have bfloat16."""
    hidden: bool = True
    """Learn the flow of points that are hidden or outside in the other frame, too."""
    gaps: tuple[PositiveInt, ...] = (1, 1, 2, 4, 6)
    """Frame gaps, drawn evenly (one may stand twice), forwards or backwards."""
    scene_size: tuple[int, int] = (128, 224)
    """Height and width of the scenes that crops are cut from."""
    scene_frames: int = Field(24, ge=4)
    """Frames of a scene."""
    scenes: PositiveInt = 24
    """Scenes in memory at a time; neighbouring pairs are drawn from them."""
    pairs_per_scene: PositiveInt = 64
    """Pairs drawn from a scene, on average, before a fresh one takes its place."""
    enlarge: float = Field(3.0, ge=1, le=4)
    """Up to how much a part of the scene is enlarged, in half of the pairs; flow grows with it.
    Nearly all other motion is within one cell of RAFT's features (8 pixels): with 1.4, and gaps of
    up to 4, 280 iterations taught nothing better than no motion at all; with 3, and gaps of up to
    6, the error was a third less than that of no motion."""
    colour: Strength = 0.4
    """Strength of the changes of brightness, contrast, saturation, gamma and hue."""
    noise: NonNegativeFloat = 4.0
    """Largest standard deviation of the noise, grey levels of 255, in a third of the pairs."""
    blur: Strength = 0.15
    """Share of pairs that are blurred, by up to a pixel."""
    compress: Strength = 0.2
    """Share of pairs that are compressed, so that coding artefacts are known."""
    evaluate_every: PositiveInt = 500
    """Iterations between two measurements on held-out pairs."""
    held_out_scenes: PositiveInt = 12
    """Held-out scenes; four pairs of each are measured: gaps 1, -1, 2 and -3."""
    snapshots: PositiveInt = 1
    """Sets of weights kept on the way, the last included."""

    @field_validator("crop", "scene_size")
    @classmethod
    def _sides_suit_networks(cls, size: tuple[int, int]) -> tuple[int, int]:
        if any(side % 8 or side < 32 for side in size):
            raise ValueError("height and width must be multiples of 8, at least 32")
        return size

    @model_validator(mode="after")
    def _pairs_exist(self) -> "FlowTrainingSettings":
        if not self.gaps or max(self.gaps) >= self.scene_frames:
            raise ValueError(f"gaps {list(self.gaps)} must be smaller than scene_frames")
        if self.normalise is not None and self.normalise[0] > self.normalise[1]:
            raise ValueError(f"normalise {list(self.normalise)} must not end before it begins")
        if any(side > whole for side, whole in zip(self.crop, self.scene_size, strict=True)):
            raise ValueError(f"crop {list(self.crop)} is larger than scene_size")
        return self


RAFT_SMALL = FlowTrainingSettings()
ARFLOW = FlowTrainingSettings(
    objective="arflow",
    updates=None,
    evaluation_updates=None,
    iterations=7000,
    regularise_from=5600,
    normalise=(800, 3000),
    crop=(128, 128),
    learning_rate=3e-4,
    warmup=0.02,
    weight_decay=1e-6,
    # Images are compared over a pixel or two at a time, so large motion is out of reach.
    gaps=(1, 2, 4),
    enlarge=2,
    # The loss compares the images as they are; its second pass changes how they look.
    colour=0,
    noise=0,
    blur=0,
    compress=0,
)
DEFAULTS: dict[Name, FlowTrainingSettings] = {"raft_small": RAFT_SMALL, "arflow": ARFLOW}
"""Recipes of the networks whose weights are bundled."""


def recipe(network: str, pairs: Sequence[str]) -> FlowTrainingSettings:
    """The network's default recipe, changed by `key=value` texts.

    Raises:
        ConfigError: a key is unknown, or a value is not allowed.
    """
    default = DEFAULTS.get(network, FlowTrainingSettings())
    return from_pairs(FlowTrainingSettings, [*to_pairs(default), *pairs])
