"""Reading published weights from files, and putting them into a network without a rest."""

import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path

import torch
from torch import Tensor, nn

from commonfate.errors import StoreError, UserError
from commonfate.files import check_zip

# Microsoft's trainings keep their settings, of this class, beside the weights. It is a dict, and
# read as one, so that no code of the file's runs.
SETTINGS = (OrderedDict, "yacs.config.CfgNode")


def read(path: Path) -> dict[str, Tensor]:
    """Weights by name, from a file of safetensors or one that torch.save wrote.

    Takes plain state dicts, and those under the key `model` or `state_dict` of a checkpoint.

    Raises:
        StoreError: there is no such file, or it is none of these.
    """
    if not path.is_file():
        raise StoreError(f"{path}: no such file of weights; fetch it, or leave pre-training out")
    state = _read_safetensors(path) if path.suffix == ".safetensors" else _read_pickled(path)
    for wrapper in ("model", "state_dict"):
        state = state.get(wrapper, state) if isinstance(state, dict) else state
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise StoreError(f"{path}: holds no state dict of tensors by name; expected weights")
    return state


def fill(network: nn.Module, state: dict[str, Tensor], path: Path, name: str) -> None:
    """Load weights into a network: all of them, and nothing else.

    Args:
        network: what they belong to.
        state: from `read`, less what the network does not have on purpose.
        path: where they come from, for the message.
        name: of the network, for the message.

    Raises:
        UserError: they belong to another network.
    """
    own = network.state_dict()
    # Files from before torch 0.4.1 do not count batches; nothing here uses the count.
    missing = [key for key in own if key not in state and not key.endswith("num_batches_tracked")]
    foreign = [key for key in state if key not in own]
    other = [key for key in own if key in state and own[key].shape != state[key].shape]
    if missing or foreign or other:
        raise UserError(
            f"{path}: not the weights of {name}: {len(missing)} keys are missing, {len(foreign)} "
            f"unknown, {len(other)} of another shape, e.g. {[*missing, *foreign, *other][0]}"
        )
    network.load_state_dict(state, strict=False)


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise StoreError(f"{path}: not a file of safetensors ({error})") from error


def _read_pickled(path: Path) -> object:
    try:
        if zipfile.is_zipfile(path):  # older files of torch are none, and have no checksums
            check_zip(path)
        with torch.serialization.safe_globals([SETTINGS]):
            return torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError, zipfile.BadZipFile) as error:
        reason = type(error).__name__  # torch's texts have many lines
        raise StoreError(f"{path}: not weights that torch can load safely ({reason})") from error
