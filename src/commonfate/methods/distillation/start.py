"""Weights that a training by self-distillation starts from."""

from pathlib import Path
from typing import Any

from torch import nn

from commonfate.base.errors import UserError
from commonfate.methods.distillation.network import Branch
from commonfate.models import state_file
from commonfate.models.encoders import ViTEncoder, formats


def start_from(student: Branch, path: Path, with_head: bool) -> None:
    """Put the weights of a file into a student.

    Args:
        student: changed in place; its encoder is a ViT.
        path: file of an encoder, see `models.encoders.formats`.
        with_head: take those of DINO's head, too.

    Raises:
        StoreError: the file is missing or damaged.
        UserError: it holds another network, or no such head.
    """
    encoder, head = formats.load_with_head(path)
    own = student.backbone
    assert isinstance(own, ViTEncoder)
    name = f"{formats.description(own)}, whose positions are those of the settings"
    state_file.fill(own.network, encoder.network.state_dict(), path, name)
    heads, expected = _heads(encoder), _heads(own)
    if heads != expected:
        raise UserError(f"{path}: has {heads} heads of attention, the settings {expected}")
    if not with_head:
        return
    if not head:
        raise UserError(
            f"{path}: holds an encoder without DINO's head; take a full checkpoint, as "
            f"dino.vits16.full is, or set head: new"
        )
    state_file.fill(student.head, head, path, "DINO's head with the sizes of the settings")


def _heads(encoder: nn.Module) -> int:
    attention: Any = encoder.get_submodule("network.blocks.0.attn")
    return int(attention.num_heads)
