"""Anyone's videos: a folder that is searched for video files and for folders of frames."""

import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from commonfate.base.errors import ConfigError
from commonfate.datasets import faults, series
from commonfate.datasets.base import VideoSource
from commonfate.datasets.names import identifiers, printable
from commonfate.datasets.search import IMAGE_SUFFIXES, walk
from commonfate.datasets.settings import FolderConfig

log = logging.getLogger(__name__)

# fmt: off
VIDEO_SUFFIXES = frozenset((
    ".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".ts",
    ".m2ts", ".mts", ".wmv", ".flv", ".ogv", ".3gp",
))
# fmt: on


class _Entry(NamedTuple):
    """What a folder holds: a video, or something that cannot be opened."""

    path: str
    suffix: str = ""
    frames: tuple[str, ...] | None = None
    fault: str = ""


class Folder:
    """Every video file, and every series of numbered images, below one folder."""

    def __init__(self, name: str, settings: FolderConfig) -> None:
        self.name = name
        self.settings = settings

    def videos(self) -> list[VideoSource]:
        """List the videos, sorted by id; all are of the split `train`.

        Broken links, pipes and folders that cannot be listed have a `fault`. Images that belong to
        no series are no videos: they are logged.

        Raises:
            ConfigError: the folder does not exist, cannot be listed or holds no video.
        """
        root = self.settings.root
        key = f"datasets.{self.name}.root = {str(root)!r}"
        if not root.is_dir():
            raise ConfigError(f"{key}: no such folder")
        entries = self._entries()
        if not entries:
            known = " ".join(sorted(VIDEO_SUFFIXES))
            raise ConfigError(
                f"{key}: holds no video; expected files with one of the suffixes {known}, "
                f"or folders of numbered images"
            )
        top = str(root)
        if entries[0].path == top and entries[0].fault:
            raise ConfigError(f"{key}: {entries[0].fault}")
        start = len(_join(root, ""))
        # A root that is itself a folder of frames has no relative path: it goes by its own name.
        relative = [
            entry.path[start:] if entry.path != top else root.resolve().name for entry in entries
        ]
        names = identifiers(relative, [entry.suffix for entry in entries])
        sources = [
            VideoSource(name, "train", entry.path, entry.frames, fault=entry.fault)
            for name, entry in zip(names, entries, strict=True)
        ]
        return sorted(sources, key=lambda source: source.id)

    def _entries(self) -> list[_Entry]:
        entries: list[_Entry] = []
        unused: list[str] = []
        unlisted: list[OSError] = []
        for folder, names in walk(self.settings.root, unlisted.append):
            entries += _files(folder, names)
            images = [name for name in names if _suffix(name).lower() in IMAGE_SUFFIXES]
            found, others = series.find(images)
            entries += _sequences(folder, found)
            unused += [str(folder / name) for name in others]
        if unused:
            log.info(
                "%s: %d images are not used, as they belong to no numbered series, such as %s",
                self.name,
                len(unused),
                printable(unused[0]),
            )
        return entries + [
            _Entry(
                str(Path(error.filename)), fault=f"a folder that cannot be listed: {error.strerror}"
            )
            for error in unlisted
        ]


def _files(folder: Path, names: Sequence[str]) -> Iterator[_Entry]:
    for name in names:
        suffix = _suffix(name)
        if suffix.lower() in VIDEO_SUFFIXES:
            path = _join(folder, name)
            yield _Entry(path, suffix, fault=faults.of_file(path))


def _sequences(folder: Path, found: Sequence[series.Series]) -> Iterator[_Entry]:
    for part in found:
        # Two series in one folder (left_0001.png, right_0001.png) are two videos.
        path = folder if len(found) == 1 else folder / part.pattern
        yield _Entry(str(path), frames=tuple(str(folder / name) for name in part.names))


# A plan looks at 100,000 videos: these two are several times faster than those of pathlib.


def _join(folder: Path, name: str) -> str:
    return os.path.join("" if folder == Path() else folder, name)  # noqa: PTH118


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1]  # noqa: PTH122
