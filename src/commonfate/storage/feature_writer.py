"""Writer of features; a killed run continues where it stopped, item by item.

Items (an image, or a frame of a video) are encoded as they come and appended to one staging file
(see `staging`), in any order. At the end those of complete videos are put together to the store.
"""

import shutil
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from commonfate.base.files import replacing
from commonfate.storage.feature_info import DTYPES, FORMAT
from commonfate.storage.feature_items import (
    Item,
    item_of,
    node_of,
    staged,
    zarr_settings,
)
from commonfate.storage.sharded_zip import write_array
from commonfate.storage.staging import PairFile, Staged, scan
from commonfate.storage.zarr_zip import write_group

MOST_FRAMES = 2**32


class FeatureWriter:
    """Write the features of one view, in a `with` statement; `finish` makes the store.

    One process at a time writes a store (`files.exclusive`).

    Args:
        path: the zip to make.
        view: name of the view.
        videos: names of all videos, in an order that depends on the inputs alone.
        key: digest of all inputs; what was staged under another key is deleted.
        provenance: kept in the store, as JSON can hold it.
    """

    def __init__(
        self,
        path: str | Path,
        view: str,
        videos: Sequence[str],
        key: str,
        provenance: dict[str, Any] | None = None,
    ) -> None:
        self.path = Path(path)
        self.provenance = provenance or {}
        self._view, self._key = view, key
        self._numbers = {video: number for number, video in enumerate(videos)}
        if len(self._numbers) < len(videos):
            raise ValueError("two videos have the same name")
        self._stage = stage_of(self.path)
        self._file: PairFile | None = None
        self._frames: dict[str, list[int]] = {}
        self._seconds: dict[str, float] = {}

    def __enter__(self) -> "FeatureWriter":
        part = {"format": FORMAT, "view": self._view, "key": self._key}
        self._file = PairFile(self._stage / "items", part)
        return self

    def __exit__(self, *exception: object) -> None:
        self._file = None

    def has(self, video: str, t: int) -> bool:
        """True if the features of a frame are staged, by this or an earlier run."""
        return self._number(video, t) in self._staging

    def add(
        self,
        video: str,
        t: int,
        size: tuple[int, int],
        features: Mapping[str, np.ndarray],
        seconds: float = 0.0,
    ) -> None:
        """Encode and stage the features of a frame.

        Args:
            video: one of `videos`.
            t: frame, counted from 0; 0 of an image.
            size: height and width of the frame before resizing and cutting, pixels.
            features: by name; shapes as `FeatureReader` gives them.
            seconds: see `FeatureReader.seconds`; 0 where nothing was measured.

        Raises:
            NotStorable: a value is NaN or infinite, or too large for float16.
            ValueError: the frame is staged already.
            OSError: the disk is full, ...; no part of the item is left.
        """
        self._staging.append(self._number(video, t), staged(size, features, seconds), 0, 0)

    def finish(
        self, frames: Mapping[str, Sequence[int]], left_out: Mapping[str, str] | None = None
    ) -> None:
        """Make the store, and delete what was staged.

        Args:
            frames: the frames of each video that the store is to hold, all staged.
            left_out: reasons, by video that the store is to lack.

        Raises:
            ValueError: frames of a video differ in size or in the features that they have.
        """
        assert self._file is not None
        kept = scan(self._file.path, verify=False)
        assert kept is not None
        groups = self._groups(frames, kept)
        with replacing(self.path) as temporary, zipfile.ZipFile(temporary, "w") as store:
            write_group(store, "", self._index(groups, left_out or {}))
            for group, videos in groups.items():
                write_group(store, group, {})
                numbers = [self._number(v, t) for v in videos for t in self._frames[v]]
                item = next(iter(videos.values()))
                for name in item.shapes:
                    write_array(
                        store,
                        node_of(group, name),
                        _encoded(kept, numbers, name),
                        [item.length(name)] * len(numbers),
                        item.shapes[name],
                        {},
                        **zarr_settings(name),
                    )
        shutil.rmtree(self._stage)

    def _groups(
        self, frames: Mapping[str, Sequence[int]], kept: Staged
    ) -> dict[str, dict[str, Item]]:
        """Videos of equal shapes, each with the description of its items."""
        self._frames = {video: sorted(frames[video]) for video in sorted(frames) if frames[video]}
        groups: dict[str, dict[str, Item]] = {}
        shapes: dict[str, Any] = {}
        for video, times in self._frames.items():
            payloads = kept.payloads(self._number(video, t) for t in times)
            items = [item_of(payload) for payload in payloads]
            if any(item != items[0] for item in items):
                raise ValueError(f"video {video!r}: its frames differ in size or features")
            self._seconds[video] = sum(item.seconds for item in items)
            group = items[0].group
            if items[0].shapes != shapes.setdefault(group, items[0].shapes):
                raise ValueError(f"video {video!r}: its features are not shaped as the others'")
            groups.setdefault(group, {})[video] = items[0]
        return dict(sorted(groups.items()))

    def _index(
        self, groups: Mapping[str, Mapping[str, Item]], left_out: Mapping[str, str]
    ) -> dict[str, Any]:
        """Index of the store, the attributes of its root."""
        videos: dict[str, Any] = {}
        names: dict[str, str] = {}
        for group, members in groups.items():
            first = 0
            for video, item in members.items():
                times = self._frames[video]
                videos[video] = {
                    "group": group,
                    "first": first,
                    "frames": [int(t) for t in times],
                    "height": item.size[0],
                    "width": item.size[1],
                    "seconds": self._seconds[video],
                }
                first += len(times)
                names = {name: DTYPES[name] for name in item.shapes}
        return {
            "kind": "features",
            "format": FORMAT,
            "view": self._view,
            "features": names,
            "provenance": self.provenance,
            "left_out": dict(sorted(left_out.items())),
            "videos": dict(sorted(videos.items())),
        }

    @property
    def _staging(self) -> PairFile:
        if self._file is None:
            raise ValueError(f"{self.path}: the writer is not open")
        return self._file

    def _number(self, video: str, t: int) -> int:
        """Number of an item in the staging file."""
        if not 0 <= t < MOST_FRAMES:
            raise ValueError(f"video {video!r}: there is no frame {t}")
        return self._numbers[video] * MOST_FRAMES + t


def _encoded(kept: Staged, numbers: Sequence[int], name: str) -> Iterator[bytes]:
    """The bytes of a feature in the store, item by item."""
    for payload in kept.payloads(numbers):
        yield item_of(payload).encoded(payload, name)


def stage_of(path: Path) -> Path:
    """Folder of the staged items of a store; it is deleted when the store is made."""
    return path.with_name(f".{path.name}.partial")
