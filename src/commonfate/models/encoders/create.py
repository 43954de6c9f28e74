"""Encoders by name: published and bundled weights, files, and random ones."""

from pathlib import Path

import torch

from commonfate import weights
from commonfate.base.errors import ConfigError
from commonfate.models import catalogue
from commonfate.models.catalogue import RANDOM, VITS
from commonfate.models.encoders import formats
from commonfate.models.encoders.base import Encoder
from commonfate.models.encoders.resnet import ResNetEncoder
from commonfate.models.encoders.vit import ViTEncoder


def create(name: str, seed: int = 0, part: str | None = None) -> Encoder:
    """Make an encoder.

    Args:
        name: of a published encoder, e.g. `dino.vits16`, or of a bundled one; `bundled`;
            `random.vit_small_16`; or a file of weights.
        seed: of random weights.
        part: of a file, see `formats.load`.

    Returns:
        In eval mode, without gradients, on the CPU.

    Raises:
        UserError: the name is unknown, or the weights cannot be fetched or do not fit.
    """
    architecture = catalogue.architecture_of(name)
    if architecture and name.startswith(f"{RANDOM}."):
        if part is not None:
            raise ConfigError(f"encoder {name}: has no part {part!r}; random weights have none")
        return _random(architecture, seed)
    return formats.load(locate(name), part)


def locate(name: str) -> Path:
    """File of an encoder's weights; a published one is fetched if it is not there yet.

    Args, raises: as `create`.
    """
    name = catalogue.encoder_name(name)
    if own := catalogue.encoder_file(name):
        return own
    shipped = weights.bundled("encoder")
    return shipped[name] if name in shipped else weights.fetch(weights.published_assets()[name])


def _random(architecture: str, seed: int) -> Encoder:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if architecture == "resnet50":
            encoder: Encoder = ResNetEncoder()
        else:
            vit = VITS[architecture]
            encoder = ViTEncoder(
                vit.dim,
                vit.depth,
                vit.heads,
                vit.patch,
                vit.image_size,
                layer_scale=vit.layer_scale,
            )
    return encoder.eval().requires_grad_(False)
