"""Stored features of images and frames: `FeatureWriter` and `FeatureReader`.

A store is one Zarr v3 zip. Features of equal shapes lie in one array, an item (an image, or a frame
of a video) a chunk, so `28x28/tokens` is (n, 28, 28, C). The index names, for each video, its
arrays and its first item there. An image is a video of one frame.

with FeatureWriter("features.zarr.zip", "448.tokens", provenance=record, key="...") as writer:
    writer.add("bear", 0, (480, 854), {"tokens": tokens})
    writer.finish({"bear": [0]})
FeatureReader("features.zarr.zip").read("bear", 0, "tokens")         # (28, 28, C) float16
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from commonfate.base.errors import StoreError
from commonfate.storage.damage import reading, unknown
from commonfate.storage.feature_info import FORMAT
from commonfate.storage.feature_items import NotStorable, decoded, node_of
from commonfate.storage.feature_writer import FeatureWriter
from commonfate.storage.sharded_reader import ShardedReader
from commonfate.storage.sharded_zip import ShardedArray

__all__ = ["Chunk", "FeatureReader", "FeatureWriter", "NotStorable"]


class Chunk(NamedTuple):
    """Some items of equal shape, in the order of the store."""

    items: list[tuple[str, int]]
    """Video and frame of each."""
    features: dict[str, np.ndarray]
    """By name, (n, ...), in the type that is stored."""


class FeatureReader(ShardedReader):
    """Read stored features; nothing is read before it is asked for.

    Features are `tokens` and `keys` (h, w, C) float16, `cls` (C,) float16, `attention`
    (heads, h, w) float32, `eigenvectors` (5, h, w) float32 with `eigenvalues` (5,) float32, NaN and
    vectors of 0 where an image has fewer. Float16 has 11 bits: calculate in float32
    (`.astype("float32")`).

    Raises (every method):
        StoreError: the store is missing or damaged, or does not hold what is asked for.
    """

    verb = "features"
    format = FORMAT

    def __len__(self) -> int:
        """Number of items, over all videos."""
        return sum(len(entry["frames"]) for entry in self._entries().values())

    @property
    def view(self) -> str:
        """Name of the view, e.g. `448.tokens`."""
        return str(self._index("the view")["view"])

    @property
    def names(self) -> list[str]:
        """Names of the features."""
        return list(self._index("the names of features")["features"])

    @property
    def left_out(self) -> dict[str, str]:
        """Reasons, by video that was left out."""
        return dict(self._index("the list of videos")["left_out"])

    def frames(self, video: str) -> list[int]:
        """The stored frames of a video, ascending; an image is frame 0."""
        return list(self._entry(video)["frames"])

    def size(self, video: str) -> tuple[int, int]:
        """Height and width of the frames before they were resized or cut, pixels."""
        entry = self._entry(video)
        return entry["height"], entry["width"]

    def seconds(self, video: str) -> float:
        """Seconds from pictures to the features of all stored frames of a video.

        A batch's time, by the clock, is shared equally by its pictures. The encoder counts, and the
        eigenvectors of its keys; decoding, resizing and writing do not.
        """
        return float(self._entry(video)["seconds"])

    def shape(self, video: str, name: str) -> tuple[int, ...]:
        """Shape of a feature of one frame."""
        return tuple(self._array(video, name).shape[1:])

    def read(self, video: str, t: int, name: str | None = None) -> np.ndarray:
        """A feature of frame t.

        Args:
            video, t: see `frames`.
            name: of the feature; not needed if the store has only one.

        Returns:
            Its array without a batch axis, in the type that is stored.
        """
        item = f"features of video {video!r}, frame {t}"
        entry = self._video(video, item)
        if t not in entry["frames"]:
            raise unknown(self.path, item, t, entry["frames"])
        position = entry["first"] + entry["frames"].index(t)
        return self._read(video, self._name(name), [position])[0]

    def read_video(self, video: str, name: str | None = None) -> np.ndarray:
        """A feature of all stored frames of a video, (T, ...), in the order of `frames`."""
        entry = self._entry(video)
        first = entry["first"]
        return self._read(video, self._name(name), range(first, first + len(entry["frames"])))

    def chunks(self, items: int = 256) -> Iterator[Chunk]:
        """All features, some items at a time: of equal shapes, in the order of the store.

        Args:
            items: most items at a time.
        """
        pending: list[tuple[str, int, int]] = []
        group = None
        for video, entry in self._entries().items():
            for n, t in enumerate(entry["frames"]):
                if pending and (entry["group"] != group or len(pending) == items):
                    yield self._chunk(pending)
                    pending = []
                group = entry["group"]
                pending.append((video, t, entry["first"] + n))
        if pending:
            yield self._chunk(pending)

    def _chunk(self, items: Sequence[tuple[str, int, int]]) -> Chunk:
        positions = [position for _, _, position in items]
        arrays = {name: self._read(items[0][0], name, positions) for name in self.names}
        return Chunk([(video, t) for video, t, _ in items], arrays)

    def _read(self, video: str, name: str, positions: Sequence[int]) -> np.ndarray:
        array = self._array(video, name)
        dtype = self._index("the types")["features"][name]
        result = np.empty((len(positions), *array.shape[1:]), dtype)
        with reading(f"{self.path}: {name} of video {video!r}", self.path):
            for n, position in enumerate(positions):
                result[n] = decoded(array.read(position), dtype, array.shape[1:])
        return result

    def _array(self, video: str, name: str) -> ShardedArray:
        names = self.names
        if name not in names:
            raise unknown(self.path, f"feature {name!r}", name, names)
        node = node_of(self._entry(video)["group"], name)
        with reading(f"{self.path}: {node}", self.path):
            return self._at(node)

    def _name(self, name: str | None) -> str:
        names = self.names
        if name is None and len(names) > 1:
            raise StoreError(f"{self.path}: holds {' and '.join(names)}; name the one to be read")
        return names[0] if name is None else name

    def _entry(self, video: str) -> dict[str, Any]:
        return self._video(video, f"features of video {video!r}")

    def _entries(self) -> dict[str, dict[str, Any]]:
        """Entries of all videos in the order of the arrays."""
        videos = self._index("the list of videos")["videos"]
        return dict(sorted(videos.items(), key=lambda item: (item[1]["group"], item[1]["first"])))
