"""Published weights: reading them from a file, and loading them into a network that they fit."""

from collections import OrderedDict
from pathlib import Path

from torch import Tensor, nn

from commonfate.base.errors import StoreError, UserError
from commonfate.weights import state_dict

SETTINGS = (OrderedDict, "yacs.config.CfgNode")
"""Microsoft's checkpoints hold settings of this class beside the weights. The class is a dict, and
is read as one, so that no code of the file runs."""


def read(path: Path) -> dict[str, Tensor]:
    """Weights by name, from a file of safetensors or one that torch.save wrote.

    Takes plain state dicts and those in a checkpoint, see `weights.state_dict`.

    Raises:
        StoreError: the file is missing, or is none of these.
    """
    if not path.is_file():
        raise StoreError(f"{path}: no such file of weights; fetch it, or leave pre-training out")
    return state_dict.read(path, [SETTINGS])[0]


def fill(network: nn.Module, state: dict[str, Tensor], path: Path, name: str) -> None:
    """Load weights into a network; every key must fit.

    Args:
        network: changed in place.
        state: from `read`, without the keys that the network lacks on purpose.
        path: file of the weights, for the message.
        name: name of the network, for the message.

    Raises:
        UserError: the weights are those of another network.
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
