"""Names of feature extractors and backbones, for settings and plan; imports no torch."""

from typing import Literal

from commonfate.base.errors import ConfigError, did_you_mean

FeatureName = Literal["dino_vits8", "dino_vitb8", "dino_vits16", "dino_vitb16", "pixels"]

MULTIPLE: dict[FeatureName, int] = {
    "dino_vits8": 8,
    "dino_vitb8": 8,
    "dino_vits16": 16,
    "dino_vitb16": 16,
    "pixels": 1,
}
"""Sides of a frame must be multiples of this many pixels: the side of a patch."""

PRETRAININGS: dict[str, dict[str, str | None]] = {
    "vit_base_8": {"none": None, "dino": "dino.vitb8"},
    "vit_small_8": {"none": None, "dino": "dino.vits8"},
    "vit_small_16": {"none": None, "dino": "dino.vits16"},
    "vit_base_16": {"none": None, "dino": "dino.vitb16"},
    "swin_tiny": {"none": None, "moby": "moby.swin_tiny", "supervised": "supervised.swin_tiny"},
    "resnet50": {"none": None, "supervised": "supervised.resnet50"},
}
"""Pre-trainings of each backbone (Guess What Moves, Table 5), and the name of each one's weights in
`weights/published.csv`."""
BACKBONES = tuple(PRETRAININGS)


def published_weights(backbone: str, pretraining: str) -> str | None:
    """Name of the published weights of a pre-trained backbone; None without pre-training.

    Args:
        backbone: one of `BACKBONES`.
        pretraining: none, dino, moby or supervised.

    Raises:
        ConfigError: the backbone is unknown, or has no such weights.
    """
    check_backbone(backbone)
    if pretraining not in (names := PRETRAININGS[backbone]):
        raise ConfigError(
            f"backbone {backbone}: pretraining {pretraining!r} is unknown"
            f"{did_you_mean(pretraining, names) or ';'} known: {', '.join(names)}"
        )
    return names[pretraining]


def check_backbone(name: str) -> None:
    """Raise a ConfigError unless `name` is one of `BACKBONES`."""
    if name not in PRETRAININGS:
        raise ConfigError(
            f"backbone {name!r} is unknown{did_you_mean(name, BACKBONES) or ';'} "
            f"known: {', '.join(BACKBONES)}"
        )
