"""Photographs, to which a trained network is applied as to a video of a single frame."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from commonfate.base import progress
from commonfate.datasets import series
from commonfate.datasets.folder import VIDEO_SUFFIXES
from commonfate.datasets.image_file import pixels
from commonfate.datasets.names import distinct, identifiers
from commonfate.datasets.search import IMAGE_SUFFIXES, walk
from commonfate.segmentation.material import Part, working_size
from commonfate.segmentation.settings import SegmentSettings


def split(paths: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Photographs, and paths of videos.

    An image that is named itself is a photograph, and so is each of a folder that holds images but
    neither a video nor a numbered series, which would be one.
    """
    photos: list[Path] = []
    others: list[Path] = []
    for path in paths:
        inside = _images_alone(path) if path.is_dir() else []
        if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file():
            photos.append(path)
        elif inside:
            photos += inside
        else:
            others.append(path)
    return photos, others


def _images_alone(folder: Path) -> list[Path]:
    """Images of a folder; none if it has a video or a numbered series."""
    images: list[Path] = []
    for inside, names in walk(folder, lambda error: None):
        suffixes = {name: Path(name).suffix.lower() for name in names}
        here = [name for name in names if suffixes[name] in IMAGE_SUFFIXES]
        if series.find(here)[0] or set(suffixes.values()) & VIDEO_SUFFIXES:
            return []
        images += [Path(inside, name) for name in here]
    return sorted(images)


def photographs(paths: Sequence[Path], settings: SegmentSettings) -> list["Photograph"]:
    """Photographs under names of their own."""
    different = list(dict.fromkeys(path.absolute() for path in paths))
    suffixes = [path.suffix for path in different]
    names = [identifiers([path.name], [path.suffix])[0] for path in different]
    names = distinct(names, [str(path) for path in different], suffixes)
    return [Photograph(name, path, settings) for name, path in zip(names, different, strict=True)]


class Photograph:
    """A photograph in the place of a video (see `material.Material`).

    Args:
        name: of its folder.
        path: of an image.
        settings: of the segmentation.
    """

    count, fps = 1, 1.0

    def __init__(self, name: str, path: Path, settings: SegmentSettings) -> None:
        self.name, self.path, self._settings = name, path, settings
        self.shots, self.parts = [0], [Part(name, range(1))]

    @cached_property
    def image(self) -> np.ndarray:
        """(H, W, 3) uint8, RGB."""
        return pixels(self.path)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.image.shape[0], self.image.shape[1]

    def frame(self, t: int) -> np.ndarray:
        """The photograph, (H, W, 3) uint8, RGB."""
        return self.image

    def frames(self, part: Part) -> np.ndarray:
        """The photograph at the working size, (1, h, w, 3) uint8, RGB."""
        size = working_size(self.size, self._settings.short_side)[::-1]
        return cv2.resize(self.image, size, interpolation=cv2.INTER_AREA)[None]

    def steps(self, items: Iterable[Any], description: str, total: int) -> Iterator[Any]:
        """Items of a loop, with its progress under the name of the photograph."""
        return progress.track(items, f"{self.name}: {description}", total)
