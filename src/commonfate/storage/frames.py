"""Stored frames: `FrameWriter` (see `frame_writer`) and `FrameReader`.

with FrameWriter("0000.zarr.zip", provenance=record) as writer:
    writer.add_video("bear", frames, timestamps_s, fps=24.0)
    writer.add_files("dog", sorted(folder.glob("*.jpg")), size=(480, 854), fps=24.0)
FrameReader("0000.zarr.zip").read("bear", 40)                       # (480, 854, 3) uint8
"""

import logging
import os
from pathlib import Path
from typing import Any

import numpy as np

from commonfate.base.errors import StoreError
from commonfate.base.files import sha256
from commonfate.datasets import image_file
from commonfate.datasets.image_file import ImageError
from commonfate.storage import content
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
        self._whole = ""

    def length(self, video: str) -> int:
        """Number of frames."""
        return self._facts(video)["frames"]

    def size(self, video: str) -> tuple[int, int]:
        """Height and width of the frames."""
        facts = self._facts(video)
        return facts["height"], facts["width"]

    def fps(self, video: str) -> float:
        """Frames a second."""
        return self._facts(video)["fps"]

    def timestamps_s(self, video: str) -> list[float]:
        """Presentation time of each frame; of frames that are read in place, t / fps."""
        facts = self._facts(video)
        if facts["in_place"]:
            return [t / facts["fps"] for t in range(facts["frames"])]
        with reading(f"{self.path}: timestamps of video {video!r}", self.path):
            return list(self._node(video).attrs["timestamps_s"])

    def content(self, video: str) -> str:
        """Digest of a video's frames as they are now.

        It is the one that was made with the store, unless files that are read in place have changed
        since, by their sizes and times: then they are hashed again, and this is said. Where some
        cannot be read it stays.
        """
        facts = self._facts(video)
        if "content" not in facts:  # written before there were digests of videos
            self._whole = self._whole or sha256(self.path)
            return self._whole
        if not facts["in_place"]:
            return facts["content"]
        with reading(f"{self.path}: files of video {video!r}", self.path):
            state = self._node(video).attrs["state"]
        if self.state(video) == state:
            return facts["content"]
        try:
            now = content.read(self.files(video)).sha256
        except OSError:
            return facts["content"]
        if now != facts["content"]:
            log.warning(
                "%s: the images of video %r have changed since it was made; "
                "run `commonfate frames` again to have them checked",
                *(self.path, video),
            )
        return now

    def state(self, video: str) -> str:
        """What changes with each change of the files that are read: images in place, or the store.

        Only sizes and times are looked at.
        """
        in_place = self._facts(video)["in_place"]
        return content.state(self.files(video) if in_place else [self.path])

    def files(self, video: str) -> list[Path]:
        """The images of a video that is read in place, in order.

        They are looked for from where the store lies now, then where they were.
        """
        if video not in self._files:
            with reading(f"{self.path}: files of video {video!r}", self.path):
                self._files[video] = self._located(self._node(video).attrs.asdict())
        return self._files[video]

    def _located(self, attributes: dict[str, Any]) -> list[Path]:
        names = attributes["files"]
        moved = self.path.absolute().parent / attributes["folder_from_store"]
        there = Path(attributes["folder"])
        folder = moved if any((moved / name).exists() for name in names) else there
        return [Path(os.path.normpath(folder / name)) for name in names]

    def _node(self, video: str) -> Any:
        return self._zip[node_name(video)]

    def read(self, video: str, t: int) -> np.ndarray:
        """Frame t, counted from 0.

        Returns:
            (H, W, 3) uint8, RGB.
        """
        what = f"video {video!r}, frame {t}"
        facts = self._video(video, what)
        if t not in range(facts["frames"]):
            raise unknown(self.path, what, t, range(facts["frames"]))
        size = (facts["height"], facts["width"])
        if facts["in_place"]:
            return self._read_in_place(self.files(video)[t], what, size)
        with reading(f"{self.path}: {what}", self.path):
            node = self._node(video)
            if node.shape != (facts["frames"], *size, 3):
                raise ValueError(f"the array is {node.shape}, not as the index says")
            return node[t]

    def _read_in_place(self, file: Path, what: str, size: tuple[int, int]) -> np.ndarray:
        try:
            image = image_file.pixels(file)
            problem = "" if image.shape[:2] == size else f"is {image.shape[:2]} instead of {size}"
        except ImageError as error:
            problem = str(error)
        if problem:
            raise StoreError(
                f"{file}: {what} cannot be read ({problem}); put the image back, or delete "
                f"{self.path} and run the same command again"
            )
        return image

    def _facts(self, video: str) -> dict[str, Any]:
        return self._video(video, f"video {video!r}")

    def _load_index(self) -> dict[str, Any]:
        return self._zip[""].attrs.asdict()

    def _close(self) -> None:
        self._zip.close()
