"""Finding, fetching and loading the weights of flow networks."""

import logging
import pickle
import re
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import torch
from torch import nn

from commonfate.errors import StoreError, UserError, did_you_mean
from commonfate.files import sha256

log = logging.getLogger(__name__)


def locate(estimator: str, weights: str, published: dict[str, str]) -> Path:
    """Path of a weights file, fetched when it is a published one that is not here yet.

    Args:
        estimator: name of the network, for messages.
        weights: name of a published checkpoint, or a path.
        published: addresses of published checkpoints by name.

    Raises:
        UserError: neither a published checkpoint nor a file, or it cannot be downloaded.
        StoreError: a published file is damaged.
    """
    if weights in published:
        return _fetch(f"flow weights {estimator}.{weights}", published[weights])
    if Path(weights).is_file():
        return Path(weights)
    names = ", ".join([*published, "random"])
    raise UserError(
        f"flow estimator {estimator}: weights {weights!r} are neither a file nor known"
        f"{did_you_mean(weights, [*published, 'random']) or ';'} known: {names}"
    )


def _fetch(what: str, address: str) -> Path:
    """Download a file once; torch hub's cache folder keeps it (TORCH_HOME moves that)."""
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    path = folder / PurePosixPath(urlsplit(address).path).name
    # Published names carry the start of their SHA-256, as raft-things-802bbcfd.ckpt.
    digest = re.search(r"-([0-9a-f]{8,64})$", path.stem)
    if not path.is_file():
        log.info("%s: downloading %s to %s", what, address, folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(address, str(path), progress=False)
        except OSError as error:
            raise UserError(
                f"{what}: {address} cannot be downloaded ({error}); fetch it by other means and "
                f"put it as {path.name} into {folder} (TORCH_HOME moves that folder)"
            ) from error
    if digest and not (found := sha256(path)).startswith(digest[1]):
        raise StoreError(f"{path}: damaged: its sha256 begins with {found[:8]}; delete it")
    return path


def load(model: nn.Module, path: Path) -> str:
    """Load a checkpoint into a model, strictly, and return the file's SHA-256.

    Reads ptlflow's own checkpoints and plain state dicts, as the authors of networks publish them,
    with or without the `module.` that DataParallel puts before each key.

    Raises:
        StoreError: the file cannot be read as a checkpoint.
        UserError: it belongs to another network.
    """
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        state = checkpoint.get("state_dict", checkpoint)
        state = {key.removeprefix("module."): value for key, value in state.items()}
    except (OSError, RuntimeError, EOFError, AttributeError, pickle.UnpicklingError) as error:
        reason = str(error).split("\n", 1)[0]
        raise StoreError(f"{path}: not a checkpoint that torch can load ({reason})") from error
    extra = checkpoint.get("hyper_parameters", {}).get("extra_params") or {}
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
