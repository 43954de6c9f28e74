"""Frames and flow of videos from several stores, one a shard."""

import hashlib
import json
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from commonfate.base.errors import ConfigError, StoreError
from commonfate.storage.flow import open_reader
from commonfate.storage.frames import FrameReader

log = logging.getLogger(__name__)


class Frames:
    """Frames from the stores of several shards."""

    def __init__(self, paths: Sequence[str | Path]) -> None:
        self._readers = _by_video(FrameReader(path) for path in paths)
        self._given = f"the {len(paths)} stores given by --frames"

    def digest(self, videos: Iterable[str]) -> str:
        """Hash of the content of videos as it is now, see `FrameReader.content`.

        Videos that no store has do not count.
        """
        here = [video for video in sorted(videos) if video in self._readers]
        contents = [[video, self._readers[video].content(video)] for video in here]
        return hashlib.sha256(json.dumps(contents).encode()).hexdigest()

    def read(self, video: str, t: int) -> np.ndarray:
        """Frame t, (H, W, 3) uint8, RGB.

        Raises:
            ConfigError: no store has the video.
            StoreError: it cannot be read.
        """
        return _reader(self._readers, video, self._given).read(video, t)


def gaps(paths: Iterable[str | Path]) -> set[int]:
    """All gaps of flow stores, over all videos.

    Raises:
        StoreError: a store is missing or damaged.
    """
    readers = [open_reader(path) for path in paths]
    return {gap for reader in readers for video in reader.videos for gap in reader.gaps(video)}


class Flow:
    """Flow of one gap from the stores of several shards."""

    def __init__(self, paths: Sequence[str | Path], gap: int) -> None:
        readers = [open_reader(path) for path in paths]
        self._readers = _by_video(readers)
        self._given = f"the {len(paths)} stores given by --flow"
        self._left_out = {
            (
                item["video"],
                gap,
            ): f"{reader.path}: video {item['video']!r} has no flow of gap {gap}, "
            f"it was left out: {item.get('reason', 'no reason is recorded')}"
            for reader in readers
            for item in reader.provenance.get("left_out", ())
            for gap in item.get("gaps", ())
        }
        self.gap = gap
        self._logged = False

    def read(self, video: str, t: int) -> tuple[np.ndarray, int]:
        """Flow of frame t, (2, H, W) float32 in pixels, NaN where there is no value; and its gap.

        At the end of a video, where the gap leads out of it, it is the flow of the opposite gap,
        as it is stored: it points the other way in time.

        Raises:
            ConfigError: no store knows the video, or neither gap was asked for.
            StoreError: flow was left out when it was extracted (the message has the reason); the
                video is too short for either gap at this frame; or flow cannot be read.
        """
        recorded = self._left_out.get((video, self.gap))
        if recorded is not None and video not in self._readers:
            raise StoreError(recorded)
        reader = _reader(self._readers, video, self._given)
        for gap in (self.gap, -self.gap):
            if gap in reader.gaps(video) and t in reader.frames_with_flow(video, gap):
                self._log_once(video, t, gap)
                return reader.read(video, gap, t), gap
        if recorded is not None:
            raise StoreError(recorded)
        if {self.gap, -self.gap} <= set(reader.gaps(video)):
            raise StoreError(
                f"{reader.path}: video {video!r} is too short: frame {t} has no flow of gap "
                f"{self.gap} or {-self.gap}"
            )
        stored = ", ".join(str(gap) for gap in reader.gaps(video))
        raise ConfigError(
            f"{reader.path}: frame {t} of video {video!r} has no flow of gap {self.gap} or "
            f"{-self.gap} (gaps there: {stored}); add one to the dataset's gaps and extract flow"
        )

    def of_gap(self, video: str, gap: int, t: int) -> np.ndarray | None:
        """Flow of frame t and exactly this gap, as `read`; None where it leads out of the video.

        Raises:
            ConfigError: no store has the video, or not with this gap.
            StoreError: it was left out, or cannot be read.
        """
        recorded = self._left_out.get((video, self.gap))
        if recorded is not None and video not in self._readers:
            raise StoreError(recorded)
        reader = _reader(self._readers, video, self._given)
        if gap not in reader.gaps(video):
            raise ConfigError(
                f"{reader.path}: video {video!r} has no flow of gap {gap} (gaps there: "
                f"{', '.join(map(str, reader.gaps(video)))}); merging by motion reads gaps "
                f"{self.gap} and {-self.gap}: add it to the dataset's gaps and extract flow"
            )
        if t not in reader.frames_with_flow(video, gap):
            return None
        return np.asarray(reader.read(video, gap, t))

    def _log_once(self, video: str, t: int, gap: int) -> None:
        """Log once that the opposite gap is used."""
        if gap != self.gap and not self._logged:
            self._logged = True
            log.info(
                "%s: frame %d has no flow of gap %d; there and wherever it is so, the flow of gap "
                "%d is used",
                *(video, t, self.gap, gap),
            )


def _by_video(readers: Iterable[Any]) -> dict[str, Any]:
    return {video: reader for reader in readers for video in reader.videos}


def _reader(readers: dict[str, Any], video: str, given: str) -> Any:
    if video not in readers:
        raise ConfigError(
            f"video {video!r} is usable, but in none of {given}; give the stores of all shards"
        )
    return readers[video]
