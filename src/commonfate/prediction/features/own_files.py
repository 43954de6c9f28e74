"""A user's own images and videos, from names of files and folders."""

import logging
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from commonfate.base.errors import ConfigError
from commonfate.datasets import on_disk
from commonfate.datasets.base import VideoSource
from commonfate.datasets.folder import VIDEO_SUFFIXES
from commonfate.datasets.names import distinct, identifiers, printable
from commonfate.datasets.search import IMAGE_SUFFIXES, walk

log = logging.getLogger(__name__)


def is_image(path: str | Path) -> bool:
    """True if a file's suffix is that of an image; any other file is taken for a video."""
    return Path(path).suffix.lower() in IMAGE_SUFFIXES


def given(paths: Sequence[Path]) -> list[VideoSource]:
    """List images and videos under unique names, sorted by name.

    Every image stands for itself, also one of a numbered series: such images may differ in size.

    Args:
        paths: files, and folders that are searched for files with the suffix of an image or a
            video; others there are counted in the log. Broken links, pipes and folders that cannot
            be listed are listed with their fault.

    Raises:
        ConfigError: a path does not exist, or there is no image and no video at all.
    """
    names: dict[str, str] = {}
    places: dict[str, str] = {}
    faults: dict[str, str] = {}
    for path in paths:
        if not os.path.lexists(path):
            raise ConfigError(f"{path}: no such file or folder")
        files = _below(path, faults) if path.is_dir() else [(path.name, str(path))]
        suffixes = [Path(file).suffix for _, file in files]
        listed = identifiers([inside for inside, _ in files], suffixes)
        for name, (_, file) in zip(listed, files, strict=True):
            key = os.path.abspath(file)  # noqa: PTH100 - links stay
            if key not in places:
                names[key], places[key] = name, file
    if not places:
        suffixes = sorted(IMAGE_SUFFIXES | VIDEO_SUFFIXES)
        raise ConfigError(
            f"{' '.join(map(str, paths))}: no image and no video; expected files with one of the "
            f"suffixes {' '.join(suffixes)}"
        )
    keys = list(places)
    unique = distinct([names[key] for key in keys], keys, [Path(key).suffix for key in keys])
    sources = [
        replace(
            VideoSource(name, "all", places[key]),
            fault=faults.get(places[key]) or on_disk.file_fault(places[key]),
        )
        for name, key in zip(unique, keys, strict=True)
    ]
    return sorted(map(on_disk.nameable, sources), key=lambda source: source.id)


def _below(root: Path, faults: dict[str, str]) -> list[tuple[str, str]]:
    """Images and videos below a folder: paths from there, and whole paths.

    Args:
        root: the folder.
        faults: gets those of folders that cannot be listed, by whole path.
    """
    unlisted: list[OSError] = []
    files: list[Path] = []
    others: list[Path] = []
    for folder, names in walk(root, unlisted.append):
        for name in names:
            path = folder / name
            suitable = path.suffix.lower() in IMAGE_SUFFIXES | VIDEO_SUFFIXES
            (files if suitable else others).append(path)
    for error in unlisted:
        folder = Path(os.fsdecode(error.filename))
        faults[str(folder)] = f"a folder that cannot be listed: {error.strerror}"
        files.append(folder)
    if others:
        log.info(
            "%s: %d files are not used, as their suffix is of no image and no video, such as %s",
            *(root, len(others), printable(str(others[0]))),
        )
    return [
        (path.relative_to(root).as_posix() if path != root else root.resolve().name, str(path))
        for path in files
    ]
