"""Checkpoints on disk: whole, safe to load, self-describing; and the state to go on from."""

import logging
from collections.abc import Container
from pathlib import Path
from typing import Any

import torch
from torch import nn

from commonfate.base.errors import StoreError
from commonfate.base.files import check_zip, replacing
from commonfate.training.run_folder import RunFolder
from commonfate.weights import state_dict

log = logging.getLogger(__name__)
IDENTITY = ("method", "settings", "seed", "samples", "start")
"""Keys that agree if two trainings are the same."""
# Keys that are large, and of use to training alone.
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
        content, _ = state_dict.identify(Path(path), error)
        raise StoreError(f"{path}: is {content}; delete it, train again") from error
    if not isinstance(state, dict) or not {"model", "settings", "iteration"} <= state.keys():
        raise StoreError(f"{path}: is not a checkpoint written by `commonfate train`")
    return state


def load_weights(
    path: str | Path, model: nn.Module, needed: Container[str] | None = None
) -> dict[str, Any]:
    """Put the weights of `checkpoint.pt` or a snapshot into a model.

    Args:
        path: the file.
        model: of the same settings, on any device.
        needed: names of the weights that the file must hold, those of a snapshot (`kept` of the
            method); others stay as they are. None: all.

    Returns:
        The file's metadata: `method`, `settings`, `seed`, `iteration`, `provenance`...

    Raises:
        StoreError: the file is missing or damaged, or holds the weights of another network.
    """
    state = load(path)
    own = model.state_dict()
    spared = {} if needed is None else {key: own[key] for key in own if key not in needed}
    try:
        model.load_state_dict({**spared, **state["model"]}, strict=True)
    except RuntimeError as error:
        lines = str(error).splitlines()
        reason = lines[min(1, len(lines) - 1)].strip()
        raise StoreError(
            f"{path}: does not fit the network ({reason}); use the settings it was trained with"
        ) from error
    return {key: value for key, value in state.items() if key not in _STATE}


def saved_state(folder: RunFolder, run: dict[str, Any], iterations: int) -> dict[str, Any] | None:
    """The state to continue from, if there is one of the same training.

    A finished training counts only under the same code: a user who changed the code and asks for a
    training wants a new one. An unfinished training goes on, and the log says that the code
    changed.

    Args:
        folder: the run's folder.
        run: the training that is asked for: the keys of `IDENTITY`, and `code`. `start`, the hash
            of the weights that the training starts from, may be missing.
        iterations: steps of a finished training.

    Raises:
        StoreError: the state is damaged.
    """
    if not folder.resume.exists():
        return None
    state = load(folder.resume)
    changed = _differences(state, run)
    finished = state["iteration"] >= iterations
    if not changed and finished and state.get("code") != run["code"]:
        changed = ["code"]
    if changed:
        log.info(
            "%s: holds a training that differs in %s; training anew",
            folder.path,
            ", ".join(changed),
        )
        return None
    if finished:
        log.info("%s: was trained already; its files are put in place again", folder.path)
        return state
    log.info("%s: going on from iteration %d of %d", folder.path, state["iteration"], iterations)
    if state.get("code") != run["code"]:
        log.info("%s: the code has changed since this training began", folder.path)
    return state


def _differences(state: dict[str, Any], run: dict[str, Any]) -> list[str]:
    """Names of the keys that differ; settings are named one by one."""
    names = [key for key in IDENTITY if key != "settings" and state.get(key) != run.get(key)]
    before, now = state["settings"], run["settings"]
    keys = sorted(before.keys() | now.keys())
    return names + [f"settings.{key}" for key in keys if before.get(key) != now.get(key)]
