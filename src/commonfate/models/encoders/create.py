"""Encoders by name: published and bundled weights, files, and random ones."""

from pathlib import Path

import torch

from commonfate.base.errors import UserError, did_you_mean
from commonfate.models.catalogue import ARCHITECTURES, PUBLISHED_ENCODERS, RANDOM, VITS
from commonfate.models.encoders import formats
from commonfate.models.encoders.base import Encoder
from commonfate.models.encoders.resnet import ResNetEncoder
from commonfate.models.encoders.vit import ViTEncoder
from commonfate.weights import bundled, fetch, published_assets


def names() -> list[str]:
    """Names that `create` takes beside those of files."""
    return [*bundled("encoder"), *PUBLISHED_ENCODERS, *(f"{RANDOM}.{a}" for a in ARCHITECTURES)]


def create(name: str, seed: int = 0, part: str | None = None) -> Encoder:
    """Make an encoder.

    Args:
        name: one of `names`, e.g. `dino.vits16`, `random.vit_small_16`, or a file of weights.
        seed: of random weights.
        part: of a file, see `formats.load`.

    Returns:
        In eval mode, without gradients, on the CPU.

    Raises:
        UserError: the name is unknown, or the weights cannot be fetched or do not fit.
    """
    start, _, architecture = name.partition(".")
    if start == RANDOM and architecture in ARCHITECTURES:
        return _random(architecture, seed)
    return formats.load(locate(name), part)


def locate(name: str) -> Path:
    """File of an encoder's weights; a published one is fetched if it is not there yet.

    Args, raises: as `create`.
    """
    shipped = bundled("encoder")
    if name in shipped:
        return shipped[name]
    if name in PUBLISHED_ENCODERS:
        return fetch(published_assets()[name])
    if Path(name).is_file():
        return Path(name)
    hint = did_you_mean(name, names()) or ";"
    raise UserError(
        f"encoder {name!r} is neither a file nor known{hint} known: {', '.join(names())}"
    )


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
