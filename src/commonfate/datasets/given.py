"""Videos that are named one by one, on a command line: files, and folders that are searched."""

import logging
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from commonfate.base.errors import ConfigError
from commonfate.datasets import faults
from commonfate.datasets.base import VideoSource
from commonfate.datasets.folder import Folder
from commonfate.datasets.names import identifiers, told_apart
from commonfate.datasets.settings import FolderConfig

log = logging.getLogger(__name__)


def sources(paths: Sequence[Path]) -> list[VideoSource]:
    """List videos, each once, under names of which no two are equal.

    Args:
        paths: video files, and folders that are searched for videos and folders of frames. A
            broken link or a pipe is listed with its fault; of several folders one may be empty.

    Raises:
        ConfigError: a path does not exist, or there is no video at all.
    """
    found: dict[str, VideoSource] = {}
    for path in paths:
        for source in _of(path, alone=len(paths) == 1):
            found.setdefault(os.path.abspath(source.path), source)  # noqa: PTH100 - links stay
    if not found:
        raise ConfigError(f"{' '.join(map(str, paths))}: there is no video")
    videos = list(found.values())
    suffixes = ["" if video.frame_files else Path(video.path).suffix for video in videos]
    names = told_apart([video.id for video in videos], list(found), suffixes)
    return [
        faults.nameable(replace(video, id=name)) for name, video in zip(names, videos, strict=True)
    ]


def _of(path: Path, alone: bool) -> list[VideoSource]:
    if not os.path.lexists(path):
        raise ConfigError(f"{path}: no such file or folder")
    if not path.is_dir():
        (name,) = identifiers([path.name], [path.suffix])
        return [VideoSource(name, "train", str(path), fault=faults.of_file(path))]
    try:
        return Folder(str(path), FolderConfig(root=path)).videos()
    except ConfigError as error:
        if alone:
            raise
        log.warning("%s", error)
        return []
