"""Finding and loading the weights of flow networks: `raft.things`, `arflow.sintel`, ..."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from commonfate.base.errors import UserError, did_you_mean
from commonfate.base.files import sha256
from commonfate.weights import Asset, bundled, fetch, published_assets, state_dict

if TYPE_CHECKING:
    from ptlflow.models.base_model.base_model import BaseModel

RANDOM = "random"


def downloads(estimator: str, published: Mapping[str, str]) -> dict[str, Asset]:
    """Files that can be fetched for a network, by the name of their weights (`things`).

    Args:
        estimator: name of the network.
        published: its `pretrained_checkpoints` in ptlflow; those without a hash in their name are
            left out, since a download could not be verified.
    """
    assets = {}
    for weights, address in published.items():
        with suppress(ValueError):
            assets[weights] = Asset.named_by_hash(f"{estimator}.{weights}", address)
    for name, asset in listed().items():
        if name.startswith(f"{estimator}."):
            assets[name.removeprefix(f"{estimator}.")] = asset
    return assets


def names(estimator: str, published: Mapping[str, str]) -> list[str]:
    """Allowed values of a network's setting `weights`, besides a file."""
    start = f"{estimator}."
    shipped = [name.removeprefix(start) for name in bundled("flow") if name.startswith(start)]
    return list(dict.fromkeys([*shipped, *downloads(estimator, published), RANDOM]))


def locate(
    estimator: str, weights: str, published: Mapping[str, str], folder: Path | None = None
) -> Path:
    """Path of a file of weights; a published file that is not in the cache is fetched.

    Args:
        estimator: name of the network.
        weights: name of bundled or published weights, or a path.
        published: addresses of published checkpoints by name, as ptlflow's models have them.
        folder: the cache of fetched files; None stands for `commonfate.weights.folder`.

    Raises:
        UserError: the weights are neither known nor a file, or cannot be fetched.
    """
    if (name := f"{estimator}.{weights}") in (shipped := bundled("flow")):
        return shipped[name]
    assets = downloads(estimator, published)
    if weights in assets:
        return fetch(assets[weights], folder)
    if Path(weights).is_file():
        return Path(weights)
    options = names(estimator, published)
    raise UserError(
        f"flow estimator {estimator}: weights {weights!r} are neither a file nor known"
        f"{did_you_mean(weights, options) or ';'} known: {', '.join(options)}"
    )


def listed() -> dict[str, Asset]:
    """Files of flow weights that `weights/published.csv` lists, by name."""
    return {name: asset for name, asset in published_assets().items() if asset.kind == "flow"}


def read_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
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


def load(model: "BaseModel", path: Path) -> str:
    """Load a file of weights into a model, strictly, and return the file's SHA-256.

    Weights stored in half precision are converted to the model's.

    Raises:
        StoreError: the file cannot be read as a checkpoint.
        UserError: the file belongs to another network.
    """
    state, extra = read_checkpoint(path)
    for name, value in extra.items():
        model.add_extra_param(name, value)
    own = model.state_dict()
    wrong = [
        k for k in own.keys() & state.keys() if own[k].shape != getattr(state[k], "shape", None)
    ]
    missing, foreign = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
    if missing or foreign or wrong:
        raise UserError(
            f"{path}: weights of another network: {len(missing)} keys are missing, {len(foreign)} "
            f"unknown, {len(wrong)} of another shape, e.g. {[*missing, *foreign, *wrong][0]}"
        )
    model.load_state_dict(state)
    return sha256(path)
