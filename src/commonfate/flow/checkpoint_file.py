"""Reading checkpoints of networks from files, without running code that they may hold."""

import pickle
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from commonfate.errors import StoreError


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read a state dict, and the parameters that ptlflow adds to a model before loading it.

    Takes ptlflow's checkpoints, plain state dicts, as the authors of networks publish them, with or
    without the `module.` that DataParallel puts before each key, and safetensors.

    Raises:
        StoreError: the file is no such checkpoint.
    """
    if path.suffix == ".safetensors":
        return _read_safetensors(path), {}
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        state = checkpoint.get("state_dict", checkpoint)
        state = {key.removeprefix("module."): value for key, value in state.items()}
    except (OSError, RuntimeError, EOFError, AttributeError, pickle.UnpicklingError) as error:
        reason = str(error).split("\n", 1)[0]
        raise StoreError(f"{path}: not a checkpoint that torch can load ({reason})") from error
    return state, checkpoint.get("hyper_parameters", {}).get("extra_params") or {}


def metadata(path: Path) -> dict[str, str]:
    """What a safetensors file says of itself: of bundled weights, how they were trained.

    Raises:
        StoreError: it is no safetensors file.
    """
    return _open(path, lambda file: file.metadata() or {})


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    return _open(path, lambda file: {key: file.get_tensor(key) for key in file.keys()})  # noqa: SIM118


def _open(path: Path, take: Any) -> Any:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            return take(file)
    except (OSError, SafetensorError) as error:
        raise StoreError(f"{path}: not a file of safetensors ({error})") from error
