"""Writing flow so that a run that was killed goes on where it was.

A part (one video and gap) is written under a temporary name, flushed to disk and renamed: a part
that exists is whole. Parts wait in a folder beside the store until all are there.
"""

import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from commonfate.files import replacing, write_text
from commonfate.storage.damage import reading, seal
from commonfate.storage.flow import FlowInfo
from commonfate.storage.quantize import pixels_without_value, quantize

FORMAT = 1
"""Part of the key: work staged by a version that wrote differently is not gone on with."""


class Pairs:
    """Quantize flow as it comes, and count.

    Attributes:
        info: complete once all pairs have been taken.
    """

    def __init__(self, info: FlowInfo, flows: Iterable[tuple[int, np.ndarray]]) -> None:
        self.info = info
        self._flows = flows

    def __iter__(self) -> Iterator[np.ndarray]:
        expected = iter(self.info.sources)
        shape = (2, self.info.height, self.info.width)
        where = f"flow of video {self.info.video!r}, gap {self.info.gap}"
        for t, flow in self._flows:
            if t != (due := next(expected, None)):
                raise ValueError(f"{where}: got frame {t} where {due} was due")
            if flow.shape != shape:
                raise ValueError(f"{where}, frame {t}: {flow.shape} instead of {shape}")
            steps, saturated = quantize(flow, self.info.steps_per_pixel)
            self.info = replace(
                self.info,
                saturated=self.info.saturated + saturated,
                invalid=self.info.invalid + pixels_without_value(steps),
            )
            yield steps
        if (due := next(expected, None)) is not None:
            raise ValueError(f"{where}: the flow ends before frame {due}")


class FlowWriter(ABC):
    """Write flow; made by `commonfate.storage.flow.open_writer`, used in a `with` statement."""

    suffix: ClassVar[str]
    """How the names of parts end."""

    def __init__(
        self, path: str | Path, steps_per_pixel: int, provenance: dict[str, Any], key: str
    ) -> None:
        self.path = Path(path)
        self.steps_per_pixel = steps_per_pixel
        self.provenance = provenance
        self._stage = self.path.with_name(f".{self.path.name}.partial")
        self._parts = self._stage / "parts"
        self._key = seal([FORMAT, type(self).__name__, steps_per_pixel, key])

    def __enter__(self) -> "FlowWriter":
        key = self._stage / "key"
        if not key.is_file() or key.read_text(encoding="utf-8") != self._key:
            shutil.rmtree(self._stage, ignore_errors=True)
            write_text(key, self._key)
        self._parts.mkdir(exist_ok=True)
        for half_written in self._parts.rglob(".*"):
            half_written.unlink()
        return self

    def __exit__(self, kind: type[BaseException] | None, *exception: object) -> None:
        if kind is None:
            self._finish(self._finished())
            shutil.rmtree(self._stage)

    def has(self, video: str, gap: int) -> bool:
        """Whether this video and gap were finished, by this run or by one before it."""
        return self._part(video, gap).is_file()

    def add(
        self,
        video: str,
        gap: int,
        frames: int,
        size: tuple[int, int],
        flows: Iterable[tuple[int, np.ndarray]],
    ) -> None:
        """Quantize and write all flow of one video and gap.

        Several may be added at once, each in its own thread.

        Args:
            video: name of the video.
            gap: from frame t to t + gap.
            frames: number of frames of the video.
            size: height and width.
            flows: t and flow (2, H, W) float32 in pixels for each t of `sources(frames, gap)`, in
                order; nothing where the video is shorter than the gap.

        Raises:
            ValueError: a frame is missing, out of order, or of another size.
        """
        # Numbers that come from a table are NumPy's, which JSON does not take.
        numbers = (int(number) for number in (gap, frames, *size))
        info = FlowInfo(video, *numbers, self.steps_per_pixel)
        with replacing(self._part(video, gap)) as temporary:
            self._write(temporary, Pairs(info, flows))

    def _finished(self) -> dict[Path, FlowInfo]:
        """The parts, by video and gap."""
        found = {}
        for part in self._parts.rglob(f"*{self.suffix}"):
            with reading(str(part), part):
                found[part] = FlowInfo.from_attributes(self._describe(part))
        return dict(sorted(found.items(), key=lambda item: (item[1].video, item[1].gap)))

    def _index(self, parts: dict[Path, FlowInfo]) -> dict[str, Any]:
        """What the root of the store says."""
        videos: dict[str, Any] = {}
        for info in parts.values():
            videos.setdefault(info.video, {})[str(info.gap)] = info.attributes()
        return {"kind": "flow", "provenance": self.provenance, "videos": videos}

    @abstractmethod
    def _part(self, video: str, gap: int) -> Path:
        """Where a part waits."""

    @abstractmethod
    def _write(self, path: Path, pairs: Pairs) -> None:
        """Write a part."""

    @abstractmethod
    def _describe(self, part: Path) -> dict[str, Any]:
        """The attributes that a part was written with."""

    @abstractmethod
    def _finish(self, parts: dict[Path, FlowInfo]) -> None:
        """Make the store of the parts."""
