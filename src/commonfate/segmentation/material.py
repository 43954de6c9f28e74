"""Videos as they are segmented: cut into shots and parts, frames at the working size."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np

from commonfate.base import progress
from commonfate.segmentation import shots
from commonfate.segmentation.settings import SegmentSettings
from commonfate.storage.frames import FrameReader


@dataclass(frozen=True)
class Part:
    """Frames of a video that are segmented together.

    Attributes:
        video: its name.
        times: its frames, counted from 0.
    """

    video: str
    times: range


class Material:
    """A video of a frame store.

    Args:
        reader: of the store.
        name: of the video.
        settings: of the segmentation.

    Attributes:
        count: number of frames.
        size: height and width.
    """

    def __init__(self, reader: FrameReader, name: str, settings: SegmentSettings) -> None:
        self.name, self._reader, self._settings = name, reader, settings
        self.count, self.size = reader.length(name), reader.size(name)

    @property
    def fps(self) -> float:
        """Frames a second."""
        return self._reader.fps(self.name)

    @cached_property
    def shots(self) -> list[int]:
        """First frames of the shots."""
        frames = (self.frame(t) for t in range(self.count))
        return shots.cuts(shots.changes(self.steps(frames, "shots", self.count)))

    @cached_property
    def parts(self) -> list[Part]:
        """Shots, the long ones cut evenly."""
        ranges = shots.parts(self.shots, self.count, self._settings.longest)
        return [Part(self.name, times) for times in ranges]

    def frame(self, t: int) -> np.ndarray:
        """Frame t, (H, W, 3) uint8, RGB."""
        return self._reader.read(self.name, t)

    def frames(self, part: Part) -> np.ndarray:
        """Frames of a part at the working size, (T, h, w, 3) uint8, RGB."""
        size = working_size(self.size, self._settings.short_side)[::-1]
        large = (self.frame(t) for t in part.times)
        return np.stack([cv2.resize(f, size, interpolation=cv2.INTER_AREA) for f in large])

    def steps(self, items: Iterable[Any], description: str, total: int) -> Iterator[Any]:
        """Items of a loop, with its progress under the name of the video."""
        return progress.track(items, f"{self.name}: {description}", total)


def working_size(size: tuple[int, int], short_side: int) -> tuple[int, int]:
    """Height and width at which a video is looked at; smaller ones as they are."""
    scale = min(1.0, short_side / min(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
