"""Image files that a frame store reads in place: their digest, a cheap sign of change, their paths.

Their bytes are read once, when `commonfate frames` looks at the files. Later, sizes and times of
change tell which files must be read again.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from commonfate.base.errors import StoreError
from commonfate.datasets import image_file
from commonfate.datasets.image_file import ImageError


@dataclass(frozen=True)
class Content:
    """Content of some files at one moment.

    Attributes:
        sha256: hash of the hashes of their bytes, in order.
        state: hash of their sizes and times of change.
    """

    sha256: str
    state: str


def content_of(files: Iterable[str | Path]) -> Content:
    """Hash files.

    Raises:
        OSError: a file cannot be read.
    """
    digests, states = hashlib.sha256(), []
    for path in files:
        with Path(path).open("rb") as file:
            states.append(_state(os.fstat(file.fileno())))
            digests.update(f"{hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return Content(digests.hexdigest(), _hash(states))


def state_of(files: Iterable[str | Path]) -> str:
    """Hash of sizes and times of change, as in `Content`; a missing file counts as empty."""
    return _hash([_state_of(Path(path)) for path in files])


def _state_of(path: Path) -> list[int]:
    try:
        return _state(path.stat())
    except OSError:
        return []


def _state(status: os.stat_result) -> list[int]:
    return [status.st_size, status.st_mtime_ns]


def _hash(states: list[list[int]]) -> str:
    return hashlib.sha256(json.dumps(states).encode()).hexdigest()


def places(files: Sequence[str | Path], store: Path) -> dict[str, Any]:
    """Paths of files for the index of a store.

    Returns:
        `folder`, absolute; `folder_from_store`, the same relative to the folder of the store, so
        that images and store can be moved together; `files`, relative to that folder.
    """
    paths = [os.path.abspath(file) for file in files]  # noqa: PTH100 - links stay
    folder = os.path.commonpath([os.path.dirname(path) for path in paths])  # noqa: PTH120
    return {
        "folder": folder,
        "folder_from_store": os.path.relpath(folder, os.path.abspath(store.parent)),  # noqa: PTH100
        "files": [os.path.relpath(path, folder) for path in paths],
    }


def located(attributes: Mapping[str, Any], store: Path) -> list[Path]:
    """Undo `places`: relative to the store's present folder where one file is there, else as were.

    Args:
        attributes: as `places` returns them.
        store: the store's present path.
    """
    names = attributes["files"]
    moved = store.absolute().parent / attributes["folder_from_store"]
    is_there = any((moved / name).exists() for name in names)
    folder = moved if is_there else Path(attributes["folder"])
    return [Path(os.path.normpath(folder / name)) for name in names]


def read_image(file: Path, frame: str, size: tuple[int, int], store: Path) -> np.ndarray:
    """Read a frame.

    Args:
        file: the image.
        frame: description of the frame, for the message.
        size: height and width that the store noted.
        store: path of the store, for the message.

    Returns:
        (H, W, 3) uint8, RGB.

    Raises:
        StoreError: the image is missing, damaged, or of another size.
    """
    try:
        image = image_file.pixels(file)
        problem = "" if image.shape[:2] == size else f"is {image.shape[:2]} instead of {size}"
    except ImageError as error:
        problem = str(error)
    if problem:
        raise StoreError(
            f"{file}: {frame} cannot be read ({problem}); put the image back, or delete "
            f"{store} and run the same command again"
        )
    return image
