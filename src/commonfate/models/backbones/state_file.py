"""Reading published weights from files, and putting them into a network without a rest."""

from collections import OrderedDict
from pathlib import Path

from torch import Tensor, nn

from commonfate.base.errors import StoreError, UserError
from commonfate.weights import state_dict

# Microsoft's trainings keep their settings, of this class, beside the weights. It is a dict, and
# read as one, so that no code of the file's runs.
SETTINGS = (OrderedDict, "yacs.config.CfgNode")


def read(path: Path) -> dict[str, Tensor]:
    """Weights by name, from a file of safetensors or one that torch.save wrote.

    Takes plain state dicts and those in a checkpoint, see `weights.state_dict`.

    Raises:
        StoreError: there is no such file, or it is none of these.
    """
    if not path.is_file():
        raise StoreError(f"{path}: no such file of weights; fetch it, or leave pre-training out")
    return state_dict.read(path, [SETTINGS])[0]


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
