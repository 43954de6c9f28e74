"""Features of a data set that lie in several stores, one a shard."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from commonfate.base.errors import ConfigError
from commonfate.storage.damage import unknown
from commonfate.storage.features import Chunk, FeatureReader


class FeatureShards:
    """Stores of one view, read as one.

    Args:
        paths: the stores, in any order.

    Attributes:
        view: name of the view.
        videos: names of the videos, sorted.
        left_out: reasons, by video that a store leaves out.

    Raises:
        ConfigError: there is no store, or stores are of different views or encoders, or two have
            the same video.
        StoreError: a store is missing or damaged.
    """

    def __init__(self, paths: Sequence[str | Path]) -> None:
        if not paths:
            raise ConfigError("no store of features is named")
        self._readers = sorted((FeatureReader(path) for path in paths), key=lambda r: r.path)
        first = self._readers[0]
        self._of: dict[str, FeatureReader] = {}
        self.view = first.view
        self.left_out: dict[str, str] = {}
        for reader in self._readers:
            if _origin(reader) != _origin(first):
                raise ConfigError(
                    f"{reader.path}: is of view {reader.view}, or of another encoder than "
                    f"{first.path} (view {first.view}); name stores of one"
                )
            for video in reader.videos:
                if video in self._of:
                    raise ConfigError(
                        f"{reader.path}: video {video!r} is in {self._of[video].path}, too; name "
                        "each shard once"
                    )
                self._of[video] = reader
            self.left_out |= reader.left_out
        self.videos = sorted(self._of)

    def __len__(self) -> int:
        """Number of items, over all videos."""
        return sum(map(len, self._readers))

    def reader(self, video: str) -> FeatureReader:
        """The store of a video.

        Raises:
            StoreError: no store has it.
        """
        if video not in self._of:
            item = f"features of video {video!r}"
            raise unknown(self._readers[0].path, item, video, self.videos)
        return self._of[video]

    def read(self, video: str, t: int, name: str | None = None) -> np.ndarray:
        """See `FeatureReader.read`."""
        return self.reader(video).read(video, t, name)

    def read_video(self, video: str, name: str | None = None) -> np.ndarray:
        """See `FeatureReader.read_video`."""
        return self.reader(video).read_video(video, name)

    def chunks(self, items: int = 256) -> Iterator[Chunk]:
        """See `FeatureReader.chunks`; no chunk is of two stores."""
        for reader in self._readers:
            yield from reader.chunks(items)


def _origin(reader: FeatureReader) -> tuple[str, str | None]:
    return reader.view, reader.provenance.get("encoder_sha256")
