"""Reading checkpoints of flow networks from files."""

from pathlib import Path
from typing import Any

from torch import Tensor

from commonfate.weights import state_dict


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read a state dict, and the parameters that ptlflow adds to a model before loading it.

    Takes ptlflow's checkpoints, state dicts as the authors of networks publish them, and
    safetensors, see `weights.state_dict`.

    Raises:
        StoreError: the file is no such checkpoint.
    """
    state, checkpoint = state_dict.read(path)
    hyper_parameters = checkpoint.get("hyper_parameters")
    extra = hyper_parameters.get("extra_params") if isinstance(hyper_parameters, dict) else None
    return state, extra or {}
