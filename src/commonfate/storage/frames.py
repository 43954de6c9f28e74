"""Stored frames: `FrameWriter` (see `frame_writer`) and `FrameReader`.

with FrameWriter("0000.zarr.zip", provenance=record) as writer:
    writer.add_video("bear", frames, timestamps_s, fps=24.0)
    writer.add_files("dog", sorted(folder.glob("*.jpg")), size=(480, 854), fps=24.0)
FrameReader("0000.zarr.zip").read("bear", 40)                       # (480, 854, 3) uint8
"""

import logging
from pathlib import Path
from typing import Any

import numpy as np

from commonfate.storage import frame_files
from commonfate.storage.damage import reading, unknown
from commonfate.storage.frame_writer import FrameWriter
from commonfate.storage.store import StoreReader, node_name
from commonfate.storage.zarr_zip import LazyZip

log = logging.getLogger(__name__)

__all__ = ["FrameReader", "FrameWriter"]


class FrameReader(StoreReader):
    """Read stored frames, or frames in place where the store lists files.

    Raises (every method):
        StoreError: the store, or an image that is read in place, is missing or damaged, or does
            not hold what is asked for.
    """

    verb = "frames"

    def __init__(self, path: str | Path) -> None:
        super().__init__(path)
        self._zip = LazyZip(self.path)
        self._files: dict[str, list[Path]] = {}

    def length(self, video: str) -> int:
        """Number of frames."""
        return self._entry(video)["frames"]

    def size(self, video: str) -> tuple[int, int]:
        """Height and width of the frames."""
        entry = self._entry(video)
        return entry["height"], entry["width"]

    def fps(self, video: str) -> float:
        """Frames a second."""
        return self._entry(video)["fps"]

    def timestamps_s(self, video: str) -> list[float]:
        """Presentation time of each frame; of frames that are read in place, t / fps."""
        entry = self._entry(video)
        if entry["in_place"]:
            return [t / entry["fps"] for t in range(entry["frames"])]
        with reading(f"{self.path}: timestamps of video {video!r}", self.path):
            return list(self._node(video).attrs["timestamps_s"])

    def content(self, video: str) -> str:
        """Digest of a video's frames as they are now.

        The digest of the store, unless sizes or times of files that are read in place have changed
        since it was made. Then the files are hashed again, and a warning is logged if their digest
        differs. If a file cannot be read, the digest of the store is returned.
        """
        entry = self._entry(video)
        if not entry["in_place"]:
            return entry["content"]
        with reading(f"{self.path}: files of video {video!r}", self.path):
            state = self._node(video).attrs["state"]
        if self.state(video) == state:
            return entry["content"]
        try:
            now = frame_files.content_of(self.files(video)).sha256
        except OSError:
            return entry["content"]
        if now != entry["content"]:
            log.warning(
                "%s: the images of video %r have changed since it was made; "
                "run `commonfate frames` again to have them checked",
                *(self.path, video),
            )
        return now

    def state(self, video: str) -> str:
        """Text that changes with the files that are read: images in place, or the store.

        Only sizes and times are looked at.
        """
        in_place = self._entry(video)["in_place"]
        return frame_files.state_of(self.files(video) if in_place else [self.path])

    def files(self, video: str) -> list[Path]:
        """The images of a video that is read in place, in order (see `frame_files.located`)."""
        if video not in self._files:
            with reading(f"{self.path}: files of video {video!r}", self.path):
                attributes = self._node(video).attrs.asdict()
                self._files[video] = frame_files.located(attributes, self.path)
        return self._files[video]

    def _node(self, video: str) -> Any:
        return self._zip[node_name(video)]

    def read(self, video: str, t: int) -> np.ndarray:
        """Frame t, counted from 0.

        Returns:
            (H, W, 3) uint8, RGB.
        """
        frame = f"video {video!r}, frame {t}"
        entry = self._video(video, frame)
        if t not in range(entry["frames"]):
            raise unknown(self.path, frame, t, range(entry["frames"]))
        size = (entry["height"], entry["width"])
        if entry["in_place"]:
            return frame_files.read_image(self.files(video)[t], frame, size, self.path)
        with reading(f"{self.path}: {frame}", self.path):
            node = self._node(video)
            if node.shape != (entry["frames"], *size, 3):
                raise ValueError(f"the array is {node.shape}, which contradicts the index")
            return node[t]

    def _entry(self, video: str) -> dict[str, Any]:
        return self._video(video, f"video {video!r}")

    def _load_index(self) -> dict[str, Any]:
        return self._zip[""].attrs.asdict()

    def _close(self) -> None:
        self._zip.close()
        self._zip = LazyZip(self.path)
        self._files.clear()
