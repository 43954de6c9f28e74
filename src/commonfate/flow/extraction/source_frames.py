"""Frames decoded again from the videos, where no frame store was kept."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from commonfate.base.errors import StoreError
from commonfate.base.files import sha256
from commonfate.datasets import image_file
from commonfate.datasets.image_file import ImageError
from commonfate.flow.extraction import own_videos
from commonfate.storage import frame_files
from commonfate.storage.flow_reader import FlowReader
from commonfate.storage.frames import FrameReader
from commonfate.videos.container import DecodeError
from commonfate.videos.decode import Decoder, Decoding


def beside(flow: FlowReader) -> "FrameReader | SourceFrames | None":
    """Open the frames from which `commonfate flow VIDEO` estimated a flow store.

    Args:
        flow: the store.

    Returns:
        A reader; None for the store of a dataset's shard, or if nothing is left of the frames.
    """
    if "run_in" not in flow.provenance:
        return None
    frames, report = (flow.path.parent / n for n in (own_videos.FRAMES, own_videos.REPORT))
    if frames.is_file():
        return FrameReader(frames)
    return SourceFrames(report, Path(flow.provenance["run_in"])) if report.is_file() else None


class SourceFrames:
    """Frames of videos with the interface of `FrameReader`, decoded on demand.

    Reading forwards decodes each frame once; reading backwards decodes again from the start.

    Args:
        report: `videos.parquet` of `commonfate flow`.
        folder: base of the report's relative paths.

    Raises (every method):
        StoreError: the video is not in the report, is missing, has changed, or cannot be decoded.
    """

    def __init__(self, report: Path, folder: Path) -> None:
        self._report, self._folder = report, folder
        self._rows = own_videos.rows(report)
        self._video, self._next = "", 0
        self._frames: Iterator[np.ndarray] = iter(())
        self._decoder: Decoder | None = None

    def fps(self, video: str) -> float:
        """Frames per second."""
        return self._row(video)["fps"]

    def read(self, video: str, t: int) -> np.ndarray:
        """Frame t, counted from 0: (H, W, 3) uint8, RGB."""
        row = self._row(video)
        restart = video != self._video or t < self._next
        try:
            if restart:
                self.close()
                self._check(row)
                self._video = video
            if row["backend"] == "files":
                return image_file.pixels(self._folder / row["frame_files"][t])
            if restart:
                self._frames, self._next = self._decoded(row), 0
            for frame in self._frames:
                self._next += 1
                if self._next > t:
                    return frame
        except (DecodeError, ImageError) as error:
            raise self._refused(row, str(error)) from error
        raise self._refused(row, f"ends before frame {t}")

    def close(self) -> None:
        """Close the decoder."""
        if self._decoder is not None:
            self._decoder.__exit__(None, None, None)
            self._decoder = None
        self._video = ""

    def _row(self, video: str) -> dict[str, Any]:
        if video not in self._rows:
            raise StoreError(f"{self._report}: has no usable video {video!r}")
        return self._rows[video]

    def _decoded(self, row: dict[str, Any]) -> Iterator[np.ndarray]:
        path = str(self._folder / row["source"])
        decoding = Decoding(row["backend"], deinterlace=bool(row["deinterlaced"]))
        self._decoder = Decoder(decoding)
        return self._decoder.frames(path, self._decoder.inspect(path))[1]

    def _check(self, row: dict[str, Any]) -> None:
        try:
            if row["backend"] == "files":
                files = [self._folder / file for file in row["frame_files"]]
                now = frame_files.content_of(files).sha256
            else:
                now = sha256(self._folder / row["source"])
        except OSError as error:
            raise self._refused(row, f"cannot be read ({error.strerror})") from error
        if now != row["sha256"]:
            raise self._refused(row, "is another file than when its flow was estimated")

    def _refused(self, row: dict[str, Any], reason: str) -> StoreError:
        return StoreError(f"{self._folder / row['source']}: {reason}")
