"""Names of feature extractors, backbones and encoders, for settings and plan; imports no torch."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from commonfate import weights
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


@dataclass(frozen=True)
class Vit:
    """Sizes of a vision transformer."""

    dim: int
    depth: int
    heads: int
    patch: int
    image_size: int = 224
    """Side of the square whose positions are learned, pixels."""
    layer_scale: bool = False


VITS: dict[str, Vit] = {
    "vit_tiny_8": Vit(192, 12, 3, 8),
    "vit_tiny_16": Vit(192, 12, 3, 16),
    "vit_small_8": Vit(384, 12, 6, 8),
    "vit_small_14": Vit(384, 12, 6, 14, 518, layer_scale=True),
    "vit_small_16": Vit(384, 12, 6, 16),
    "vit_base_8": Vit(768, 12, 12, 8),
    "vit_base_14": Vit(768, 12, 12, 14, 518, layer_scale=True),
    "vit_base_16": Vit(768, 12, 12, 16),
    "vit_demo_8": Vit(192, 6, 3, 8, 64),
    "vit_smoke_8": Vit(48, 2, 1, 8, 32),
}
"""Vision transformers by name; those of patch 14 are DINOv2's, the last two those of small scales.
"""
ARCHITECTURES = (*VITS, "resnet50")
"""Names of the architectures of encoders."""
PUBLISHED_ENCODERS: dict[str, str] = {
    "dino.vits8": "vit_small_8",
    "dino.vits16": "vit_small_16",
    "dino.vitb8": "vit_base_8",
    "dino.vitb16": "vit_base_16",
    "dino.vits8.full": "vit_small_8",
    "dino.vits16.full": "vit_small_16",
    "dino.vitb8.full": "vit_base_8",
    "dino.vitb16.full": "vit_base_16",
    "dinov2.vits14": "vit_small_14",
    "dinov2.vitb14": "vit_base_14",
    "ibot.vits16": "vit_small_16",
    "ibot.vitb16": "vit_base_16",
    "msn.vits16": "vit_small_16",
    "mocov3.vits16": "vit_small_16",
    "mocov3.vitb16": "vit_base_16",
    "swav.resnet50": "resnet50",
    "leopart.vits16": "vit_small_16",
    "leopart.vitb8": "vit_base_8",
    "timet.vits16": "vit_small_16",
    "supervised.resnet50": "resnet50",
}
"""Published weights of encoders, names of `weights/published.csv`, and their architectures."""
RANDOM = "random"
"""In the place of weights: an encoder that nothing has trained."""
BUNDLED = "bundled"
"""Another name of the encoder that ships with this package."""
DIGITS = 6
"""Digits of the hash of a path in the name of a run."""
RESNET_PATCH = 8
"""Pixels from a feature of a ResNet-50 to the next."""
RESNET_FEATURES: tuple[Literal["tokens", "cls"], ...] = ("tokens", "cls")
"""Its features; ViTs have all."""


def encoder_name(name: str) -> str:
    """The name of an encoder for that which a user gives: `bundled` is that of the bundled one.

    Raises:
        ConfigError: no encoder is bundled, or there are several.
    """
    if name != BUNDLED:
        return name
    shipped = list(weights.bundled("encoder"))
    if len(shipped) != 1:
        raise ConfigError(
            f"encoder {BUNDLED}: {len(shipped)} encoders ship with this package; name one of: "
            f"{', '.join(shipped) or 'none'}"
        )
    return shipped[0]


def encoder_word(name: str) -> str:
    """An encoder's name as a part of the name of a run.

    That of a file has digits of the hash of its path, as files of many trainings have one name:
    `mine.pth.c0ffee`.
    """
    if "/" in name:
        name = f"{Path(name).name}.{hashlib.sha256(name.encode()).hexdigest()[:DIGITS]}"
    return re.sub(r"[^a-zA-Z0-9_.=]+", "_", name)


def shown(encoder: str) -> str:
    """An encoder's name in tables: that of a file without its folders."""
    return Path(encoder).name if "/" in encoder else encoder


def architecture_of(encoder: str) -> str | None:
    """Architecture of a published or random encoder, one of `ARCHITECTURES`; None of others."""
    start, _, architecture = encoder.partition(".")
    if start == RANDOM and architecture in ARCHITECTURES:
        return architecture
    return PUBLISHED_ENCODERS.get(encoder)


def encoder_file(encoder: str) -> Path | None:
    """The user's own file of weights that names an encoder; None for all that have names.

    Raises:
        ConfigError: there is no such file, and no encoder of this name.
    """
    shipped = weights.bundled("encoder")
    if encoder in shipped or architecture_of(encoder):
        return None
    if Path(encoder).is_file():
        return Path(encoder)
    names = [*shipped, *PUBLISHED_ENCODERS, *(f"{RANDOM}.{each}" for each in ARCHITECTURES)]
    hint = did_you_mean(encoder, names) or ";"
    raise ConfigError(
        f"encoder {encoder!r} is neither a file nor known{hint} known: {', '.join(names)}"
    )
