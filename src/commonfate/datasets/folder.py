"""Anyone's videos: a folder that is searched for video files and for folders of frames."""

import re
from collections.abc import Iterator
from pathlib import Path

from commonfate.datasets.base import VideoSource
from commonfate.datasets.names import identifiers
from commonfate.datasets.search import IMAGE_SUFFIXES, walk
from commonfate.datasets.settings import FolderConfig
from commonfate.errors import ConfigError

# fmt: off
VIDEO_SUFFIXES = frozenset((
    ".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".ts",
    ".m2ts", ".mts", ".wmv", ".flv", ".ogv", ".3gp",
))
# fmt: on
_NUMBERED = re.compile(r"(?P<prefix>.*?)(?P<number>\d+)(?P<suffix>\.\w+)", re.DOTALL)


class Folder:
    """Every video file, and every series of numbered images, below one folder."""

    def __init__(self, name: str, settings: FolderConfig) -> None:
        self.name = name
        self.settings = settings

    def videos(self) -> list[VideoSource]:
        """List the videos, sorted by id; all are of the split `train`.

        Raises:
            ConfigError: the folder does not exist or holds no video.
        """
        root = self.settings.root
        key = f"datasets.{self.name}.root = {str(root)!r}"
        if not root.is_dir():
            raise ConfigError(f"{key}: no such folder")
        found = [entry for folder, names in walk(root) for entry in _entries(folder, names)]
        if not found:
            known = " ".join(sorted(VIDEO_SUFFIXES))
            raise ConfigError(
                f"{key}: holds no video; expected files with one of the suffixes {known}, "
                f"or folders of numbered images"
            )
        # A root that is itself a folder of frames has no relative path: it goes by its own name.
        relative = [
            path.relative_to(root) if path != root else Path(root.resolve().name)
            for path, _, _ in found
        ]
        names = identifiers(relative, [suffix for _, suffix, _ in found])
        sources = [
            VideoSource(id=name, split="train", path=str(path), frame_files=frames)
            for name, (path, _, frames) in zip(names, found, strict=True)
        ]
        return sorted(sources, key=lambda source: source.id)


def _entries(folder: Path, names: list[str]) -> Iterator[tuple[Path, str, tuple[str, ...] | None]]:
    """Path, suffix and frames of each video that lies directly in a folder."""
    series: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for name in names:
        suffix = Path(name).suffix
        if suffix.lower() in VIDEO_SUFFIXES:
            yield folder / name, suffix, None
        elif suffix.lower() in IMAGE_SUFFIXES and (match := _NUMBERED.fullmatch(name)):
            numbered = series.setdefault((match["prefix"], suffix.lower()), [])
            numbered.append((int(match["number"]), str(folder / name)))
    series = {key: numbered for key, numbered in series.items() if len(numbered) > 1}
    for (prefix, suffix), numbered in series.items():
        frames = tuple(file for _, file in sorted(numbered))
        # Two series in one folder (left_0001.png, right_0001.png) are two videos.
        path = folder if len(series) == 1 else folder / f"{prefix}*{suffix}"
        yield path, "", frames
