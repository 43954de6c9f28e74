"""Stored frames: `FrameWriter` (see `frame_writer`) and `FrameReader`.

with FrameWriter("0000.zarr.zip", provenance=record) as writer:
    writer.add_video("bear", frames, timestamps_s, fps=24.0)
    writer.add_files("dog", sorted(folder.glob("*.jpg")), size=(480, 854), fps=24.0)
FrameReader("0000.zarr.zip").read("bear", 40)                       # (480, 854, 3) uint8
"""

from pathlib import Path
from typing import Any

import numpy as np

from commonfate.datasets import image_file
from commonfate.datasets.image_file import ImageError
from commonfate.errors import StoreError
from commonfate.storage.damage import reading, unknown
from commonfate.storage.frame_writer import FrameWriter
from commonfate.storage.names import node_name
from commonfate.storage.reader import StoreReader
from commonfate.storage.zarr_zip import LazyZip

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
            return list(self._zip[node_name(video)].attrs["timestamps_s"])

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
        with reading(f"{self.path}: {what}", self.path):
            node = self._zip[node_name(video)]
            if not facts["in_place"]:
                if node.shape != (facts["frames"], *size, 3):
                    raise ValueError(f"the array is {node.shape}, not as the index says")
                return node[t]
            file = Path(node.attrs["files"][t])
        return self._read_in_place(file, what, size)

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
