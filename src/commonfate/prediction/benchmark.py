"""A benchmark: the annotated frames of a dataset's split, and the part of each that counts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, overload

import numpy as np
import pandas as pd

from commonfate.base import parquet
from commonfate.base.errors import ConfigError, StoreError
from commonfate.base.settings import unknown
from commonfate.datasets.annotations import KINDS, is_kind

Crop = Literal["none", "square"]
"""Part of frame, flow and annotation: all of it, or the central square, as Guess What Moves'
released notebooks crop the images of CUB."""
COLUMNS = ("id", "split", "frames", "annotation_files", "annotation_kind", "status", "reason")


@dataclass(frozen=True)
class AnnotatedVideo:
    """A usable video that has ground truth."""

    name: str
    frames: int
    kind: str
    """Contents of the annotations, one of `annotations.KINDS`."""
    annotations: dict[int, Path]
    """Annotation of each annotated frame, frames counted from 0, in order."""


@dataclass(frozen=True)
class Benchmark:
    """Videos that are segmented and scored."""

    videos: list[AnnotatedVideo]
    left_out: dict[str, str]
    """Reasons, by video of the split that cannot be scored."""

    def without(self, reasons: Mapping[str, str]) -> "Benchmark":
        """The same benchmark without some videos.

        Args:
            reasons: by video; other videos than the benchmark's are ignored.

        Raises:
            StoreError: no video is left.
        """
        gone = {video.name: reasons[video.name] for video in self.videos if video.name in reasons}
        videos = [video for video in self.videos if video.name not in gone]
        if not videos:
            raise StoreError("; ".join(f"{name}: {reason}" for name, reason in gone.items()))
        return Benchmark(videos, self.left_out | gone)

    def __iter__(self) -> Iterator[tuple[AnnotatedVideo, int, Path]]:
        """Every annotated frame: its video, its number, its annotation."""
        for video in self.videos:
            for t, annotation in video.annotations.items():
                yield video, t, annotation

    def __len__(self) -> int:
        return sum(len(video.annotations) for video in self.videos)


def read(manifest: str | Path, split: str) -> Benchmark:
    """Read the annotated videos of `split` (`all` is every split), sorted by name.

    Raises:
        StoreError: the file is damaged or no manifest, or nothing of the split is annotated.
        ConfigError: the manifest has no such split.
    """
    videos, left_out = [], {}
    for row in _rows(manifest, split):
        annotations = _annotations(row.annotation_files)
        if row.status != "ok":
            left_out[row.id] = row.reason
        elif not annotations:
            left_out[row.id] = "has no annotations"
        else:
            kind = _known_kind(row.annotation_kind, row.id, manifest)
            videos.append(AnnotatedVideo(row.id, int(row.frames), kind, annotations))
    if not videos:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in list(left_out.items())[:3])
        raise StoreError(
            f"{manifest}: no video of split {split!r} has ground truth to score ({reasons})"
        )
    return Benchmark(videos, left_out)


def read_whole(manifest: str | Path, split: str) -> Benchmark:
    """Read the usable videos of `split`, annotated or not.

    Raises: as `read`, but a video needs no annotation.
    """
    videos, left_out = [], {}
    for row in _rows(manifest, split):
        if row.status != "ok":
            left_out[row.id] = row.reason
            continue
        annotations = _annotations(row.annotation_files)
        videos.append(AnnotatedVideo(row.id, int(row.frames), row.annotation_kind, annotations))
    if not videos:
        raise StoreError(f"{manifest}: no video of split {split!r} is usable (column reason)")
    return Benchmark(videos, left_out)


def _rows(manifest: str | Path, split: str) -> Iterator[Any]:
    """The manifest's rows of a split, sorted by name."""
    table = parquet.read(manifest)
    if missing := [name for name in COLUMNS if name not in table]:
        raise StoreError(
            f"{manifest}: has no column {missing[0]!r}; name a manifest.parquet, which commonfate "
            f"manifest makes"
        )
    splits = sorted(set(table["split"]))
    if split != "all":
        if split not in splits:
            raise ConfigError(f"{manifest}: split {split!r}{unknown(split, [*splits, 'all'])}")
        table = table[table["split"] == split]
    return table.sort_values("id").itertuples(index=False)


def _annotations(files: Any) -> dict[int, Path]:
    """Annotated frames; the column holds a file a frame, empty where there is none, or nothing."""
    if files is None or pd.api.types.is_scalar(files):
        return {}
    return {t: Path(file) for t, file in enumerate(files) if file}


def _known_kind(kind: str, video: str, manifest: str | Path) -> str:
    if not is_kind(kind):
        raise StoreError(
            f"{manifest}: video {video!r} has annotation_kind {kind!r}; allowed are "
            f"{', '.join(KINDS)}; run commonfate videos and commonfate manifest again"
        )
    return kind


@overload
def central_square(image: np.ndarray, axes: tuple[int, int] = (0, 1)) -> np.ndarray: ...
@overload
def central_square(image: tuple[int, int], axes: tuple[int, int] = (0, 1)) -> tuple[int, int]: ...
def central_square(
    image: np.ndarray | tuple[int, int], axes: tuple[int, int] = (0, 1)
) -> np.ndarray | tuple[int, int]:
    """Crop to the largest square in the middle, placed as torchvision's CenterCrop does.

    Args:
        image: array, or only the height and width of one.
        axes: axes of height and width in the array.

    Returns:
        A view of the array, or the height and width of the square.
    """
    if isinstance(image, tuple):
        return (min(image), min(image))
    side = min(image.shape[axis] for axis in axes)
    place = [slice(None)] * image.ndim
    for axis in axes:
        start = round((image.shape[axis] - side) / 2)
        place[axis] = slice(start, start + side)
    return image[tuple(place)]
