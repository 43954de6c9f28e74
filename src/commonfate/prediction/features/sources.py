"""Frames whose features are extracted: of a shard's frame store, or of a user's own files."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from commonfate.base.errors import UserError
from commonfate.base.progress import track
from commonfate.datasets import image_file, on_disk
from commonfate.datasets.base import VideoSource
from commonfate.datasets.image_file import ImageError
from commonfate.prediction.features.extract import Source
from commonfate.prediction.features.own_files import is_image
from commonfate.prediction.stores import Frames
from commonfate.videos import verdict
from commonfate.videos.container import DecodeError
from commonfate.videos.decode import Decoder, Decoding
from commonfate.videos.inspection import Inspection

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StoredVideo:
    """Frames of a video in the frame stores of a dataset."""

    name: str
    times: Sequence[int]
    frames: Frames

    @property
    def place(self) -> str:
        """The name."""
        return self.name

    def images(self, times: Sequence[int]) -> Iterator[tuple[int, np.ndarray]]:
        """See `Source`."""
        for t in times:
            yield t, self.frames.read(self.name, t)


@dataclass(frozen=True)
class ImageFile:
    """An image of one's own, turned upright: frame 0 of itself."""

    name: str
    place: str
    times: Sequence[int] = (0,)

    def images(self, times: Sequence[int]) -> Iterator[tuple[int, np.ndarray]]:
        """See `Source`."""
        if fault := on_disk.file_fault(self.place):
            raise ImageError(fault)
        if Path(self.place).stat().st_size == 0:
            raise ImageError("is an empty file")
        for t in times:
            yield t, image_file.pixels(self.place)


@dataclass(frozen=True)
class VideoFile:
    """A video of one's own, decoded from its beginning while its frames are read."""

    name: str
    place: str
    times: Sequence[int]
    decoder: Decoder
    inspection: Inspection

    def images(self, times: Sequence[int]) -> Iterator[tuple[int, np.ndarray]]:
        """See `Source`; frames in between are decoded, too, and dropped."""
        missing = set(times)
        _, frames = self.decoder.frames(self.place, self.inspection)
        for t, frame in enumerate(frames):
            if t in missing:
                yield t, frame
        # Not ended earlier: the decoder's process takes the next file when this one is read.


@contextmanager
def own(
    files: Sequence[VideoSource], every: int, decoding: Decoding
) -> Iterator[tuple[list[Source], dict[str, str]]]:
    """Open a user's own files; videos are decoded once to count their frames.

    Args:
        files: as `own_files.given` lists them.
        every: of a video, take frames 0, `every`, 2 `every`, ...
        decoding: settings of the decoder of videos.

    Yields:
        The files that can be read, and the reasons, by name, why others cannot.
    """
    left_out: dict[str, str] = {}
    sources: list[Source] = []
    videos = sum(not is_image(file.path) for file in files)
    with Decoder(decoding) as decoder:
        inspected = track(range(videos), "looking through videos", videos)
        for file in files:
            if not is_image(file.path):
                next(inspected)
            try:
                sources.append(_opened(file, every, decoder))
            except UserError as error:
                log.warning("%s: left out: %s", file.path, error)
                left_out[file.id] = str(error)
        for _ in inspected:
            pass
        yield sources, left_out


def _opened(file: VideoSource, every: int, decoder: Decoder) -> Source:
    if file.fault:
        raise DecodeError(file.fault)
    if is_image(file.path):
        return ImageFile(file.id, file.path)
    if Path(file.path).stat().st_size == 0:
        raise DecodeError("is an empty file")
    inspection = decoder.inspect(file.path)
    if reason := verdict.reason_against(inspection, (0,)):
        raise DecodeError(reason)
    times = range(0, inspection.frames, every)
    return VideoFile(file.id, file.path, times, decoder, inspection)
