"""Writing flow so that a run that was killed goes on where it was, pair by pair.

The pairs of a part (one video and gap) are encoded as they come and appended to a staging file
(see `staging`); at the end the store is put together from the parts that are complete.

Several processes may stage different parts of one store: the parent enters the writer and gives
each child `writer.worker()`, which is picklable; the children enter and leave it, and when they
have ended the parent leaves its own `with` block, which makes the store.
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
    """Folder of what is staged for a store, until the store is made of it."""
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
        """This writer for another process: picklable, stages parts, never makes the store.

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
        """Whether all pairs of a video and gap are staged, by whichever run or process."""
        if (video, gap) not in self._whole:
            staged = scan(self._file(video, gap))
            if staged is None or not is_complete(staged):
                return False
            self._whole.add((video, gap))
        return True

    def keep(self, contents: Mapping[str, str], gaps: Iterable[int]) -> None:
        """Throw away what is staged, by a run before, of other videos, other contents, other gaps.

        Args:
            contents: digest by video, as `part` is given it.
            gaps: of the store.
        """
        wanted = set(gaps)
        for path in self._parts.rglob(f"*{SUFFIX}"):
            staged = scan(path, verify=False)
            facts = {} if staged is None else staged.facts
            same = contents.get(facts.get("video")) == facts.get("content", "")
            if not (same and facts.get("gap") in wanted):
                path.unlink()

    def part(
        self, video: str, gap: int, frames: int, size: tuple[int, int], content: str = ""
    ) -> FlowPart:
        """Begin a part, or go on with it.

        Args:
            video: name of the video.
            gap: from frame t to t + gap.
            frames: number of frames of the video.
            size: height and width.
            content: digest of what the flow is made of; a part of other content is begun anew.
        """
        # Numbers that come from a table are NumPy's, which JSON does not take.
        numbers = (int(number) for number in (gap, frames, *size))
        info = FlowInfo(video, *numbers, self.steps_per_pixel, content=content)
        return FlowPart(info, PairFile(self._file(video, gap), asdict(info)), self._encode)

    def add(
        self,
        video: str,
        gap: int,
        frames: int,
        size: tuple[int, int],
        flows: Iterable[tuple[int, np.ndarray]],
    ) -> None:
        """Quantize and write all flow of one video and gap; `part` for those who need more.

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
        """What the root of the store says."""
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
        """Whether a folder is a store of this container, so that a new one may replace it."""

    @abstractmethod
    def _encode(self, steps: np.ndarray) -> bytes:
        """The bytes of a pair, as the store will hold them."""

    @abstractmethod
    def _finish(self, parts: list[StagedPart]) -> None:
        """Make the store of the parts."""
