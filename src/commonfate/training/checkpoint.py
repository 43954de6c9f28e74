"""Checkpoints on disk: whole, safe to load, self-describing."""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from commonfate.base.errors import StoreError
from commonfate.base.files import check_zip, replacing
from commonfate.weights import state_dict

# What a reader of the facts does not want: large, and of use to training alone.
_STATE = ("model", "optimiser", "precision", "random", "metrics")


def save(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint in one step; a kill leaves the one before."""
    with replacing(path) as temporary:
        torch.save(state, temporary)


def load(path: str | Path) -> dict[str, Any]:
    """Read a checkpoint or a snapshot, tensors on the CPU.

    Every byte is compared with its checksum: torch itself would load flipped bits.

    Raises:
        StoreError: the file is missing, damaged, or no checkpoint of this project.
    """
    try:
        check_zip(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise StoreError(f"{path}: no such checkpoint; train first") from None
    except Exception as error:  # a flipped byte can raise nearly anything; the cause is kept
        what, _ = state_dict.identify(Path(path), error)
        raise StoreError(f"{path}: is {what}; delete it, train again") from error
    if not isinstance(state, dict) or not {"model", "settings", "iteration"} <= state.keys():
        raise StoreError(f"{path}: is not a checkpoint written by `commonfate train`")
    return state


def load_weights(path: str | Path, model: nn.Module) -> dict[str, Any]:
    """Put the weights of `checkpoint.pt` or a snapshot into a model.

    Args:
        path: the file.
        model: as `method.build()` makes it, on any device.

    Returns:
        What else the file says: `method`, `settings`, `seed`, `iteration`, `provenance`...

    Raises:
        StoreError: the file is missing or damaged, or holds the weights of another network.
    """
    state = load(path)
    try:
        model.load_state_dict(state["model"], strict=True)
    except RuntimeError as error:
        lines = str(error).splitlines()
        reason = lines[min(1, len(lines) - 1)].strip()
        raise StoreError(
            f"{path}: does not fit the network ({reason}); use the settings it was trained with"
        ) from error
    return {key: value for key, value in state.items() if key not in _STATE}
