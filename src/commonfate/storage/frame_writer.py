"""Writer of the frames of a shard: all of its videos or no file, all of a video or none of it."""

import hashlib
import shutil
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from commonfate.base.files import replacing
from commonfate.storage import frame_files
from commonfate.storage.image_codec import FrameCodec, zarr_settings
from commonfate.storage.store import node_name
from commonfate.storage.zarr_zip import PartWriter, join


class FrameWriter:
    """Write frames of videos, of any sizes, to one Zarr v3 zip; a context manager.

    `{video}` is an array (T, H, W, 3) uint8 with one frame a chunk. For a video whose frames are
    read in place, it is a group with their paths (see `frame_files.places`).

    The index holds a digest of each video's frames as `content`, so that products made of a video
    can tell if it has changed. One process at a time writes a store (`files.exclusive`).

    Args:
        path: the zip to make.
        codec: `blosc` and `png` are lossless.
        quality: of `jpeg`, 1 to 100.
        provenance: kept in the store, as JSON can hold it.
    """

    def __init__(
        self,
        path: str | Path,
        codec: FrameCodec = "blosc",
        quality: int = 95,
        provenance: dict[str, Any] | None = None,
    ) -> None:
        self.path = Path(path)
        self.provenance = provenance or {}
        self._settings = zarr_settings(codec, quality)
        # Lossless codecs store the same frames.
        self._lossy = f"jpeg {quality}" if codec == "jpeg" else ""
        self._folder = self.path.with_name(f".{self.path.name}.parts")
        self._videos: dict[str, dict[str, Any]] = {}
        self._parts: dict[str, Path] = {}
        self._groups: dict[str, dict[str, Any]] = {}

    def __enter__(self) -> "FrameWriter":
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, *exception: object) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def add_video(
        self,
        video: str,
        frames: Iterable[np.ndarray],
        timestamps_s: Sequence[float],
        fps: float,
    ) -> int:
        """Store frames as they are decoded.

        When `frames` raises, the error passes through, nothing of this video stays, and the writer
        can go on with the next one.

        Args:
            video: name of the video.
            frames: (H, W, 3) uint8 RGB, all of one size, at least one.
            timestamps_s: presentation time of each frame; a list may grow with `frames`.
            fps: frames a second.

        Returns:
            The number of frames.

        Raises:
            ValueError: there is no frame, a frame has another size or type, or there are fewer or
                more timestamps than frames.
        """
        self._check_new(video)
        frames = iter(frames)
        first = next(frames, None)
        if first is None:
            raise ValueError(f"video {video!r} has no frame")
        if first.ndim != 3 or first.shape[2] != 3:
            raise ValueError(f"video {video!r}: frames are {first.shape}, not (H, W, 3)")
        path = self._folder / f"{len(self._parts):06d}.zip"
        digest = hashlib.sha256(f"{first.shape} {self._lossy}".encode())
        with (
            replacing(path) as temporary,
            PartWriter(temporary, first.shape, "uint8", fill_value=0, **self._settings) as part,
        ):
            for frame in chain([first], frames):
                if frame.shape != first.shape or frame.dtype != np.uint8:
                    raise ValueError(
                        f"video {video!r}, frame {part.length}: {frame.shape} {frame.dtype}, "
                        f"but frame 0 is {first.shape} uint8"
                    )
                part.append(frame)
                digest.update(np.ascontiguousarray(frame).data)
            times = [float(time_s) for time_s in timestamps_s]
            if len(times) != part.length:
                raise ValueError(f"video {video!r}: {part.length} frames, {len(times)} timestamps")
            entry = _entry(part.length, first.shape, fps, digest.hexdigest(), in_place=False)
            part.finish({**entry, "timestamps_s": times})
        self._videos[video], self._parts[video] = entry, path
        return part.length

    def add_files(
        self, video: str, files: Sequence[str | Path], size: tuple[int, int], fps: float
    ) -> str:
        """List frames that are read in place: their bytes are hashed, no pixels are stored.

        Args:
            video: name of the video.
            files: images, in order.
            size: height and width of each.
            fps: frames a second.

        Returns:
            The digest of their bytes.

        Raises:
            OSError: one of them cannot be read.
        """
        self._check_new(video)
        content = frame_files.content_of(files)
        entry = _entry(len(files), size, fps, content.sha256, in_place=True)
        self._videos[video] = entry
        places = frame_files.places(files, self.path)
        self._groups[video] = {**entry, **places, "state": content.state}
        return content.sha256

    def _check_new(self, video: str) -> None:
        if video in self._videos:
            raise ValueError(f"video {video!r} was added before")

    def _finish(self) -> None:
        root = {
            "kind": "frames",
            "provenance": self.provenance,
            "videos": {video: self._videos[video] for video in sorted(self._videos)},
        }
        groups = {node_name(video): self._groups[video] for video in sorted(self._groups)}
        parts = [(node_name(video), self._parts[video]) for video in sorted(self._parts)]
        with replacing(self.path) as temporary:
            join(temporary, parts, {"": root, **groups})


def _entry(
    frames: int, shape: Sequence[int], fps: float, digest: str, in_place: bool
) -> dict[str, Any]:
    """Index entry of a video."""
    return {
        "frames": frames,
        "height": int(shape[0]),
        "width": int(shape[1]),
        "fps": float(fps),
        "in_place": in_place,
        "content": digest,
    }
