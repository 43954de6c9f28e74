"""Base class of the writers of flow; a killed run continues where it stopped, pair by pair.

The pairs of a part (one video and gap) are encoded as they come and appended to a staging file
(see `staging`). At the end the complete parts are put together to the store.

Several processes may stage different parts of one store. The parent enters the writer and gives
each child `writer.worker()`, which is picklable. The children enter and leave their workers. When
they have ended, the parent leaves its own `with` block, which makes the store.
"""

import copy
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from commonfate.base.errors import StoreError
from commonfate.base.files import write_text
from commonfate.storage.damage import seal
from commonfate.storage.flow_info import FORMAT, FlowInfo
from commonfate.storage.flow_part import FlowPart, StagedPart, is_complete
from commonfate.storage.staging import PairFile, scan
from commonfate.storage.store import node_name

SUFFIX = ".pairs"


def stage_of(path: Path) -> Path:
    """Folder of the staged parts of a store; it is deleted when the store is made."""
    return path.with_name(f".{path.name}.partial")


class FlowWriter(ABC):
    """Write flow; made by `commonfate.storage.flow.open_writer`, used in a `with` statement."""

    encoding: str
    """Name of the pairs' encoding: `delta2d` in Zarr, the layout of the pages in TIFF."""

    def __init__(
        self,
        path: str | Path,
        steps_per_pixel: int,
        provenance: dict[str, Any],
        key: str,
        encoding: str,
    ) -> None:
        self.path = Path(path)
        self.steps_per_pixel = steps_per_pixel
        self.provenance = provenance
        self.encoding = encoding
        self._finishes = True
        self._stage = stage_of(self.path)
        self._parts = self._stage / "parts"
        self._key = seal([FORMAT, type(self).__name__, steps_per_pixel, encoding, key])
        self._whole: set[tuple[str, int]] = set()

    def worker(self) -> "FlowWriter":
        """Copy of this writer for another process: picklable, stages parts, never makes the store.

        No two processes may write the same part at once.
        """
        worker = copy.copy(self)
        worker._finishes = False
        return worker

    def __enter__(self) -> "FlowWriter":
        if self.path.is_dir() and any(self.path.iterdir()) and not self._is_store(self.path):
            raise StoreError(
                f"{self.path}: is a folder with other things in it, which the store would replace; "
                "choose another name"
            )
        key = self._stage / "key"
        same = key.is_file() and key.read_text(encoding="utf-8") == self._key
        if not self._finishes and not same:
            raise StoreError(f"{self._stage}: the process that began this store is not at work")
        if not same:
            shutil.rmtree(self._stage, ignore_errors=True)
            write_text(key, self._key)
        self._parts.mkdir(exist_ok=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, *exception: object) -> None:
        if kind is None and self._finishes:
            self._finish(self._complete_parts())
            shutil.rmtree(self._stage)

    def has(self, video: str, gap: int) -> bool:
        """True if all pairs of a video and gap are staged, by this or another run or process."""
        if (video, gap) not in self._whole:
            staged = scan(self._file(video, gap))
            if staged is None or not is_complete(staged):
                return False
            self._whole.add((video, gap))
        return True

    def keep(self, contents: Mapping[str, str], gaps: Iterable[int]) -> None:
        """Delete parts that an earlier run staged for other videos, other contents or other gaps.

        Args:
            contents: digest by video, as in `part`.
            gaps: of the store.
        """
        gaps = set(gaps)
        for path in self._parts.rglob(f"*{SUFFIX}"):
            staged = scan(path, verify=False)
            part = {} if staged is None else staged.part
            same = contents.get(part.get("video", "")) == part.get("content", "")
            if not (same and part.get("gap") in gaps):
                path.unlink()

    def part(
        self, video: str, gap: int, frames: int, size: tuple[int, int], content: str = ""
    ) -> FlowPart:
        """Begin a part, or continue it.

        Args:
            video: name of the video.
            gap: from frame t to t + gap.
            frames: number of frames of the video.
            size: height and width.
            content: digest of the flow's inputs; a part of other content is begun again.
        """
        # Numbers that come from a table are NumPy's, which JSON does not take.
        gap, frames, height, width = (int(number) for number in (gap, frames, *size))
        info = FlowInfo(video, gap, frames, height, width, self.steps_per_pixel, content=content)
        return FlowPart(info, PairFile(self._file(video, gap), asdict(info)), self._encode)

    def add(
        self,
        video: str,
        gap: int,
        frames: int,
        size: tuple[int, int],
        flows: Iterable[tuple[int, np.ndarray]],
    ) -> None:
        """Quantize and write all flow of one video and gap; see `part` for single pairs.

        Args:
            video, gap, frames, size: as `part` takes them.
            flows: t and flow (2, H, W) float in pixels for each t of `sources(frames, gap)`, in
                order; nothing where the video is shorter than the gap. Pairs that are staged
                already are not written again.

        Raises:
            ValueError: a frame is missing, out of order, or of another size.
        """
        part = self.part(video, gap, frames, size)
        missing = set(part.missing)
        expected = iter(part.info.sources)
        for t, flow in flows:
            if t != (due := next(expected, None)):
                raise ValueError(f"{part.info}: got frame {t} where {due} was due")
            if t in missing:
                part.add(t, flow)
        if (due := next(expected, None)) is not None:
            raise ValueError(f"{part.info}: the flow ends before frame {due}")

    def _file(self, video: str, gap: int) -> Path:
        return self._parts / node_name(video) / f"{gap}{SUFFIX}"

    def _complete_parts(self) -> list[StagedPart]:
        files = self._parts.rglob(f"*{SUFFIX}")
        parts = [part for file in files if (part := StagedPart.complete(file)) is not None]
        return sorted(parts, key=lambda part: (part.info.video, part.info.gap))

    def _index(self, parts: Iterable[StagedPart]) -> dict[str, Any]:
        """Index of the store, the attributes of its root."""
        videos: dict[str, Any] = {}
        for part in parts:
            videos.setdefault(part.info.video, {})[str(part.info.gap)] = part.info.attributes()
        return {
            "kind": "flow",
            "format": FORMAT,
            "encoding": self.encoding,
            "provenance": self.provenance,
            "videos": videos,
        }

    @staticmethod
    @abstractmethod
    def _is_store(folder: Path) -> bool:
        """True if a folder is a store of this container, so that a new one may replace it."""

    @abstractmethod
    def _encode(self, steps: np.ndarray) -> bytes:
        """Bytes of a pair in the store."""

    @abstractmethod
    def _finish(self, parts: list[StagedPart]) -> None:
        """Put the parts together to the store."""
