"""Encoders from files of weights, as their authors or this project write them.

The backbone is recognised by its keys, wherever it lies in the file; nothing of it may be missing,
and what else lies beside it must be of a kind that is known.
"""

import argparse
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from commonfate.base.errors import UserError
from commonfate.models import state_file
from commonfate.models.encoders.base import Encoder
from commonfate.models.encoders.resnet import ResNetEncoder
from commonfate.models.encoders.vit import ViTEncoder
from commonfate.weights import state_dict

VIT, RESNET = "pos_embed", "layer4.2.conv3.weight"
"""A key that every backbone of this kind has."""
BESIDE = ("head.", "fc.", "mask_token", "masked_embed", "projection_head.", "prototypes.")
"""Beginnings of keys that lie among those of a backbone and are no part of it: heads of DINO, MoCo
v3 and classifiers, of MSN; mask tokens of DINOv2 and iBOT; heads of SwAV and Leopart."""
PREFERRED = ("feature_extractor", "model", "teacher", "target_encoder", "base_encoder", "student")
"""Parts of a checkpoint, the first of which is taken: those that the authors evaluate. Of TimeT and
Leopart, the first two, this is the student."""
MOCO_V3, MOCO_V3_HEADS = "base_encoder", 12
"""MoCo v3 has 12 heads in ViT-S, too, where all others have 6."""
HEADS = "heads"
"""Name of a number beside the weights of an encoder that another has become: its heads."""
HEAD_DIM = 64
"""Channels of a head of attention, in all published ViTs but those of MoCo v3."""
BESIDE_WEIGHTS = (
    state_file.SETTINGS,
    argparse.Namespace,
    np.dtype,
    type(np.dtype(np.float64)),
    *(
        (np.float64(0).__reduce__()[0], f"numpy.{core}.multiarray.scalar")
        for core in ("core", "_core")
    ),
)
"""Types that full checkpoints hold beside the weights: DINO, iBOT and FlowDINO save the arguments
of the training, and numbers of NumPy in the state of the optimiser. Making one runs no code of the
file."""


def load(path: Path, part: str | None = None) -> Encoder:
    """Make the encoder whose weights a file holds.

    Files of DINO (backbone, and full checkpoint), iBOT, MSN, MoCo v3, SwAV, DINOv2 (without
    registers), Leopart, FlowDINO and TimeT, runs of this project, and plain state dicts of these
    networks in timm's or torchvision's names.

    Args:
        path: file of torch.save or of safetensors.
        part: name of a part of the checkpoint, e.g. `student`; None takes the one that the authors
            evaluate: the teacher, MSN's target encoder, MoCo's base encoder, the student of Leopart
            and TimeT; of a run of this project that of its setting `weights_of`.

    Returns:
        In eval mode, without gradients, on the CPU.

    Raises:
        StoreError: the file is missing or damaged, or holds no weights.
        UserError: it holds no backbone of a known network, several of which none is preferred, or
            keys that do not belong to it.
    """
    tensors, settings = _content(path)
    prefix = _prefix(list(tensors), part, path, settings.get("weights_of"))
    below = {key[len(prefix) :]: value for key, value in tensors.items() if key.startswith(prefix)}
    state = {key: value for key, value in below.items() if not key.startswith(BESIDE)}
    if RESNET in state:
        encoder: Encoder = ResNetEncoder()
    else:
        encoder = _vit(state, path, _heads(tensors, settings, prefix))
    state_file.fill(encoder.network, state, path, description(encoder))
    return encoder.eval().requires_grad_(False)


def load_with_head(path: Path) -> tuple[Encoder, dict[str, Tensor]]:
    """Make the encoder as `load` does, and read the weights of the head that DINO trains with it.

    Returns:
        The encoder, and the head's weights by the names of `models.heads.DinoHead`; empty if the
        file holds no head.

    Raises:
        As `load`.
    """
    encoder = load(path)
    tensors, _ = _content(path)
    branch = _prefix(list(tensors), None, path).removesuffix("network.").removesuffix("backbone.")
    start = f"{branch}head."
    head = {key[len(start) :]: value for key, value in tensors.items() if key.startswith(start)}
    return encoder, head


def description(encoder: Encoder) -> str:
    """Architecture in words, e.g. `ViT of width 384, depth 12, patches of 16`."""
    if isinstance(encoder, ViTEncoder):
        depth = len(encoder.network.blocks)
        return f"ViT of width {encoder.dim}, depth {depth}, patches of {encoder.patch}"
    return "ResNet-50"


def _content(path: Path) -> tuple[dict[str, Tensor], Mapping[str, Any]]:
    """All tensors of a file, and the settings of a training of this project.

    Tensors are named by the dicts that they lie in, joined by dots; other files have no settings.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file of weights; check the name given as the encoder")
    if path.suffix == ".safetensors":
        described = state_dict.metadata(path)
        ours = "commonfate" in described  # a packed encoder, see `training.export`
        return state_dict.read(path)[0], json.loads(described["recipe"]) if ours else {}
    whole = state_dict.load(path, BESIDE_WEIGHTS)
    settings = whole.get("settings") if isinstance(whole, Mapping) else None
    return dict(_flat(whole)), settings if isinstance(settings, Mapping) else {}


def _flat(value: Any, prefix: str = "") -> Iterable[tuple[str, Tensor]]:
    if not isinstance(value, Mapping):
        return
    for key, item in value.items():
        name = f"{prefix}{key}"
        if isinstance(item, Tensor):
            yield name, item
        else:
            yield from _flat(item, f"{name}.")


def _heads(tensors: Mapping[str, Tensor], settings: Mapping[str, Any], prefix: str) -> int | None:
    """Heads of attention, where the file tells."""
    if MOCO_V3 in prefix:
        return MOCO_V3_HEADS
    beside = tensors.get(f"{prefix.partition('.')[0]}.{HEADS}")
    return settings.get("heads") if beside is None or beside.ndim else int(beside)


def _prefix(keys: list[str], part: str | None, path: Path, own: str | None = None) -> str:
    """The beginning of the backbone's keys.

    Args:
        keys: all keys of the file.
        part: name of a part that must be there; None chooses.
        path: for messages.
        own: name of the part that the settings of a run choose.
    """
    prefixes = {key.removesuffix(end) for end in (VIT, RESNET) for key in keys if key.endswith(end)}
    if not prefixes:
        raise UserError(
            f"{path}: holds no ViT and no ResNet-50 of a known format (no key ends in {VIT} or "
            f"{RESNET}); its keys begin with {', '.join(sorted(keys)[:3]) or 'nothing'}"
        )
    if part is not None:
        chosen = [prefix for prefix in prefixes if part in prefix.split(".")]
        if len(chosen) != 1:
            raise UserError(
                f"{path}: has no single part {part!r}; its networks are {_listed(prefixes)}"
            )
        return chosen[0]
    if len(prefixes) == 1:
        return prefixes.pop()
    for name in (own, *PREFERRED):
        chosen = [prefix for prefix in prefixes if name in prefix.split(".")]
        if len(chosen) == 1:
            return chosen[0]
    raise UserError(
        f"{path}: holds several networks, {_listed(prefixes)}; save the state_dict of one of them"
    )


def _listed(prefixes: Iterable[str]) -> str:
    return ", ".join(sorted(prefix.rstrip(".") or "(no prefix)" for prefix in prefixes))


def _vit(state: Mapping[str, Tensor], path: Path, heads: int | None) -> ViTEncoder:
    """A ViT of the sizes of a state dict."""
    if registers := [key for key in state if key.startswith("register_tokens")]:
        raise UserError(f"{path}: has {registers[0]}, a DINOv2 with registers; use the one without")
    try:
        width, patch = (state["patch_embed.proj.weight"].shape[i] for i in (0, 3))
        side = round((state["pos_embed"].shape[1] - 1) ** 0.5)
    except (KeyError, IndexError) as error:
        raise UserError(
            f"{path}: not the weights of a ViT: {error} is missing or of another shape"
        ) from error
    if heads is None and width > HEAD_DIM and width % HEAD_DIM:
        raise UserError(
            f"{path}: a ViT of width {width}, which {HEAD_DIM} channels a head do not divide; how "
            "many heads it has cannot be seen from its weights"
        )
    numbers = {int(key.split(".")[1]) for key in state if key.startswith("blocks.")}
    return ViTEncoder(
        width,
        depth=max(numbers, default=-1) + 1,
        heads=heads or max(1, width // HEAD_DIM),
        patch=patch,
        image_size=side * patch,
        layer_scale="blocks.0.ls1.gamma" in state,
    )
