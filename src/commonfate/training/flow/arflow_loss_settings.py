"""Weights and ranges of ARFlow's unsupervised loss."""

from typing import Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat

from commonfate.base.settings import Settings


class ArflowTransforms(Settings):
    """Ranges of the random transforms of the second pass, as in the authors' sintel_ft_ar.json.

    What they draw in coordinates from -1 to 1 is given here in parts of the side.
    """

    zoom: tuple[float, float] = (1.0, 1.5)
    """Enlargement; more where a rotated view would leave the frame."""
    squeeze: tuple[float, float] = (0.86, 1.16)
    """Columns are stretched and rows squeezed by this."""
    rotation: NonNegativeFloat = 0.2
    """Largest angle, radians, to both sides."""
    shift: NonNegativeFloat = 0.05
    """Largest shift, parts of the side, as far as the view stays inside of the frame."""
    flip: bool = True
    """Mirror half of the pairs left to right, and half of them upside down."""
    relative_zoom: NonNegativeFloat = 0.015
    """Largest change of zoom between the two frames."""
    relative_rotation: NonNegativeFloat = 0.015
    """Largest angle between the two frames, radians."""
    relative_shift: NonNegativeFloat = 0.00375
    """Largest shift between the two frames, parts of the side."""
    colour: float = Field(0.5, ge=0, lt=1)
    """Brightness, contrast and saturation are multiplied by 1 - c to 1 + c."""
    gamma: tuple[PositiveFloat, PositiveFloat] = (0.7, 1.5)
    """Exponents of brightness."""
    blur: PositiveFloat = 1.5
    """Largest standard deviation of the Gaussian blur of half of the pairs, pixels."""
    noise: NonNegativeFloat = 0.04
    """Largest standard deviation of the noise."""
    cells: int = Field(200, ge=1)
    """Random cells that the second frame is divided into for the occlusion transform."""
    hidden_cells: tuple[int, int] = (8, 16)
    """Least and largest number of cells covered by noise; (0, 0) covers none."""


class ArflowLossSettings(Settings):
    """The terms of the loss.

    The authors train on raw Sintel with L1 0.15, SSIM 0.85, ternary 0 and occlusion `coverage`
    first; then, and in the fine-tuning with the second pass, with ternary 1 alone and occlusion
    `consistency`. The default has all three from the start, for trainings in one stage.
    """

    l1: NonNegativeFloat = 0.15
    """Weight of the absolute difference."""
    ssim: NonNegativeFloat = 0.85
    """Weight of structural dissimilarity."""
    ternary: NonNegativeFloat = 1.0
    """Weight of the census distance."""
    scales: tuple[NonNegativeFloat, ...] = (1, 1, 1, 1, 0)
    """Weights of the photometric term by scale, finest first; scales beyond weigh nothing."""
    occlusion: Literal["coverage", "consistency"] = "coverage"
    """Hidden is what the other flow does not reach (at least 0.2 of a pixel), or where forward and
    backward flow disagree; computed at the finest scale."""
    smoothness: NonNegativeFloat = 50.0
    """Weight of the smoothness of the finest flow, in parts of the image's shorter side."""
    smoothness_order: Literal[1, 2] = 1
    """Order of the derivatives of flow that are penalised."""
    edges: NonNegativeFloat = 10.0
    """Edge weight alpha: the larger, the less smoothness is asked for at edges of the image."""
    regularisation: NonNegativeFloat = 0.01
    """Weight of the second pass."""
    epsilon: PositiveFloat = 0.01
    """Offset of the robust norm (|d| + epsilon)^q, pixels."""
    power: float = Field(0.4, gt=0, le=1)
    """Its exponent q."""
    transforms: ArflowTransforms = ArflowTransforms()
    """Transforms of the images in the second pass."""
