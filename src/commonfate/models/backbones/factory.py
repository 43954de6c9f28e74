"""Backbones by name, with published or random weights."""

from pathlib import Path
from typing import Any

from torch import Tensor

from commonfate.base.errors import ConfigError
from commonfate.models import state_file
from commonfate.models.backbones.base import Backbone
from commonfate.models.backbones.stages import ResNetStages, SwinStages
from commonfate.models.backbones.vit import KEY_LAYERS, KeyMaps
from commonfate.models.catalogue import check_backbone

SIZES = ("full", "small")
SMALL_KEY_LAYERS = tuple(layer // 2 for layer in KEY_LAYERS)
"""Four layers at the same fractions of half the depth."""
SMALL_VIT = {"embed_dim": 96, "depth": SMALL_KEY_LAYERS[-1], "num_heads": 3}
FULL_SWIN = {"drop_path_rate": 0.3}  # as in MaskFormer
SMALL_SWIN = {
    "embed_dim": 24,
    "depths": (2, 2, 2, 2),
    "num_heads": (1, 2, 4, 8),
    "drop_path_rate": 0.0,
}
SMALL_RESNET = {"layers": (1, 1, 1, 1), "channels": (16, 32, 64, 128)}
SMALL_PATCH_STRIDE = 8
"""Pixels between patches of a small ViT; with 4, attention would take most of a step's time."""


def create(
    name: str,
    size: str = "full",
    weights: Path | None = None,
    *,
    frozen: bool = False,
    fixed_norms: bool | None = None,
    patch_stride: int | None = None,
    hierarchy: bool = False,
) -> Backbone:
    """Make a backbone, initialised at random from torch's global generator, or from a file.

    Args:
        name: one of `catalogue.BACKBONES`.
        size: `full`, or `small` (few blocks and channels in the same structure).
        weights: file of published weights, as their authors or timm distribute them; weights of a
            classifier in it are ignored. None: random weights.
        frozen: True to leave the weights untrained. The released code of Guess What Moves trains
            only the head on its ViT, which the paper does not say; it trains Swin and ResNet.
        fixed_norms: True if a ResNet's batch norms keep their statistics and scales in training, as
            in the released code. None: True if `weights` are given. Pass True for a network that
            takes its weights from a checkpoint of such a training.
        patch_stride: pixels between a ViT's patches; None: half a patch, as in the released code
            (`small`: 8).
        hierarchy: True for a ViT's maps at strides 4, 8, 16, 32, False for all on the grid of
            patches; see `KeyMaps`.

    Returns:
        The backbone, in training mode unless frozen.

    Raises:
        ConfigError: unknown name or size; small with weights; a ViT's options for another backbone.
        ValueError: `patch_stride` does not suit the patches.
        UserError: the file is missing or damaged, or holds weights of another network.
    """
    check_backbone(name)
    if size not in SIZES:
        raise ConfigError(f"backbone {name}: size {size!r} is unknown; known: {', '.join(SIZES)}")
    if size == "small" and weights is not None:
        raise ConfigError(f"backbone {name}: published weights are of size full, not small")
    if not name.startswith("vit") and (patch_stride or hierarchy):
        raise ConfigError(f"backbone {name}: patch_stride and hierarchy are a ViT's options")
    backbone: Backbone
    if name.startswith("vit"):
        backbone = _vit(name, size, weights, patch_stride, hierarchy)
    elif name == "swin_tiny":
        backbone = _swin(name, size, weights)
    else:
        fixed = weights is not None if fixed_norms is None else fixed_norms
        backbone = _resnet(name, size, weights, fixed)
    if frozen:
        backbone.freeze()
    return backbone


def _vit(
    name: str, size: str, weights: Path | None, patch_stride: int | None, hierarchy: bool
) -> Backbone:
    _, width, patch = name.split("_")
    small = size == "small"
    network = _timm(
        f"vit_{width}_patch{patch}_224.dino",
        dynamic_img_size=True,
        **(SMALL_VIT if small else {}),
    )
    if weights is not None:
        state_file.fill(network, state_file.read(weights), weights, name)
    layers = SMALL_KEY_LAYERS if small else KEY_LAYERS
    return KeyMaps(
        network, layers, patch_stride or (SMALL_PATCH_STRIDE if small else None), hierarchy
    )


def _swin(name: str, size: str, weights: Path | None) -> Backbone:
    from timm.models.swin_transformer import checkpoint_filter_fn

    network = _timm(
        "swin_tiny_patch4_window7_224",
        dynamic_img_size=True,
        always_partition=True,  # the same windows and shifts in every stage, as in MaskFormer
        **(SMALL_SWIN if size == "small" else FULL_SWIN),
    )
    if weights is not None:
        state = _without(_moby(state_file.read(weights)), "head.")
        state_file.fill(network, checkpoint_filter_fn(state, network), weights, name)
    return SwinStages(network)


def _moby(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The online encoder of a MoBY checkpoint; any other state dict unchanged."""
    start = "encoder."
    encoder = {k.removeprefix(start): v for k, v in state.items() if k.startswith(start)}
    return encoder or state


def _resnet(name: str, size: str, weights: Path | None, fixed_norms: bool) -> Backbone:
    network = _timm("resnet50", **(SMALL_RESNET if size == "small" else {}))
    if weights is not None:
        state_file.fill(network, _without(state_file.read(weights), "fc."), weights, name)
    return ResNetStages(network, fixed_norms)


def _without(state: dict[str, Tensor], start: str) -> dict[str, Tensor]:
    return {key: value for key, value in state.items() if not key.startswith(start)}


def _timm(architecture: str, **options: Any) -> Any:
    import timm

    return timm.create_model(architecture, pretrained=False, num_classes=0, **options)
