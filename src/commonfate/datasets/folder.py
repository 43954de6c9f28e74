"""The user's own videos: folders that are searched for video files and for folders of frames."""

import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from commonfate.base.errors import ConfigError
from commonfate.datasets import on_disk, series
from commonfate.datasets.base import VideoSource
from commonfate.datasets.names import distinct, identifiers, printable
from commonfate.datasets.search import IMAGE_SUFFIXES, walk
from commonfate.datasets.settings import FolderConfig

log = logging.getLogger(__name__)

# fmt: off
VIDEO_SUFFIXES = frozenset((
    ".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".ts",
    ".m2ts", ".mts", ".wmv", ".flv", ".ogv", ".3gp", ".gif", ".y4m",
))
# fmt: on


class _Entry(NamedTuple):
    """Entry of a folder: a video, or a path that cannot be opened."""

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
        no series are not used: they are logged.

        Raises:
            ConfigError: the folder does not exist, cannot be listed or holds no video.
        """
        root = self.settings.root
        key = f"datasets.{self.name}.root = {str(root)!r}"
        if not root.is_dir():
            raise ConfigError(f"{key}: no such folder")
        entries = self._entries()
        if not entries:
            suffixes = " ".join(sorted(VIDEO_SUFFIXES))
            raise ConfigError(
                f"{key}: holds no video; expected files with one of the suffixes {suffixes}, "
                f"or folders of numbered images"
            )
        top = str(root)
        if entries[0].path == top and entries[0].fault:
            raise ConfigError(f"{key}: {entries[0].fault}")
        start = len(_join(root, ""))
        # A root that is itself a folder of frames has no relative path: its own name is used.
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
            numbered, others = series.find(images)
            entries += _sequences(folder, numbered)
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
            yield _Entry(path, suffix, fault=on_disk.file_fault(path))


def _sequences(folder: Path, numbered: Sequence[series.Series]) -> Iterator[_Entry]:
    for part in numbered:
        # Two series in one folder (left_0001.png, right_0001.png) are two videos.
        path = folder if len(numbered) == 1 else folder / part.pattern
        yield _Entry(str(path), frames=tuple(str(folder / name) for name in part.names))


# A plan looks at 100,000 videos: these two functions are several times faster than pathlib's.


def _join(folder: Path, name: str) -> str:
    return os.path.join("" if folder == Path() else folder, name)  # noqa: PTH118


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1]  # noqa: PTH122


def given(paths: Sequence[Path]) -> list[VideoSource]:
    """List videos that are named one by one, as on a command line, under unique names.

    Args:
        paths: video files, and folders that are searched for videos and folders of frames. A
            broken link or a pipe is listed with its fault. Of several folders some may be empty.

    Raises:
        ConfigError: a path does not exist, or there is no video at all.
    """
    by_path: dict[str, VideoSource] = {}
    for path in paths:
        for source in _of(path, alone=len(paths) == 1):
            by_path.setdefault(os.path.abspath(source.path), source)  # noqa: PTH100 - links stay
    if not by_path:
        raise ConfigError(f"{' '.join(map(str, paths))}: there is no video")
    videos = list(by_path.values())
    suffixes = ["" if video.frame_files else Path(video.path).suffix for video in videos]
    names = distinct([video.id for video in videos], list(by_path), suffixes)
    return [
        on_disk.nameable(replace(video, id=name)) for name, video in zip(names, videos, strict=True)
    ]


def _of(path: Path, alone: bool) -> list[VideoSource]:
    if not os.path.lexists(path):
        raise ConfigError(f"{path}: no such file or folder")
    if not path.is_dir():
        (name,) = identifiers([path.name], [path.suffix])
        return [VideoSource(name, "train", str(path), fault=on_disk.file_fault(path))]
    try:
        return Folder(str(path), FolderConfig(root=path)).videos()
    except ConfigError as error:
        if alone:
            raise
        log.warning("%s", error)
        return []
