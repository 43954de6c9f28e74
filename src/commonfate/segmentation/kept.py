"""Drafts of parts, and networks, that an interrupted command of quality `best` leaves behind."""

import zipfile
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from safetensors import SafetensorError

from commonfate.base.errors import ConfigError, UserError
from commonfate.base.files import replacing
from commonfate.foreground import shot
from commonfate.foreground.student import Student


def keep_draft(path: Path, key: str, drafted: shot.Draft) -> shot.Draft:
    """Write a draft, and return it as it will be read after an interruption, to the bit."""
    levels = np.round(drafted.probability * 255).astype(np.uint8)
    trust = drafted.trust if len(drafted.trust) else np.zeros(len(levels), np.float32)
    about = np.array([key, drafted.reason, str(drafted.gap)])
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, probability=levels, trust=trust, about=about)
    return shot.Draft(levels.astype(np.float32) / 255, drafted.reason, drafted.gap, trust)


def keep_network(path: Path, trained: Student, about: dict[str, str]) -> None:
    """Write a network.

    Args:
        path: of the file.
        trained: the network.
        about: `key`, see `network`; `channels` of its tokens; name of the `encoder`.
    """
    state = {name: tensor.contiguous().cpu() for name, tensor in trained.state_dict().items()}
    with replacing(path) as temporary:
        safetensors.torch.save_file(state, temporary, about)


def load(path: Path, device: str) -> tuple[Student, str]:
    """A network that an earlier command trained, and the name of its encoder.

    Raises:
        UserError: the file is damaged, or of something else.
    """
    try:
        about = _metadata(path)
        return _filled(path, int(about["channels"]), device), about["encoder"]
    except KeyError:
        raise ConfigError(
            f"{path}: holds no network of commonfate segment --quality best"
        ) from None
    except (OSError, SafetensorError, RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"{path}: cannot be read ({reason}); make it again, by commonfate segment "
            f"--quality best"
        ) from None


def network(path: Path, device: str, key: str) -> Student | None:
    """The network in a file, if it has this key."""
    try:
        about = _metadata(path)
        return _filled(path, int(about["channels"]), device) if about["key"] == key else None
    except (OSError, SafetensorError, RuntimeError, KeyError, ValueError):
        return None


def draft(path: Path, key: str, shape: tuple[int, ...]) -> shot.Draft | None:
    """The draft in a file of this key and shape (T, h, w); None in another, or a damaged one."""
    try:
        with np.load(path) as stored:
            levels, trust = stored["probability"], stored["trust"]
            written_for, reason, gap = stored["about"].tolist()
            if written_for != key or levels.shape != shape:
                return None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return shot.Draft(levels.astype(np.float32) / 255, reason, int(gap), trust)


def _metadata(path: Path) -> dict[str, str]:
    with safetensors.safe_open(path, "pt") as file:
        return file.metadata() or {}


def _filled(path: Path, channels: int, device: str) -> Student:
    network = Student(channels)
    network.load_state_dict(safetensors.torch.load_file(path))
    return network.to(device).to(memory_format=torch.channels_last).eval()
