"""Frame and flow stores of a dataset, looked up by video."""

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

from commonfate.base.errors import UserError
from commonfate.storage.flow import open_reader
from commonfate.storage.frames import FrameReader


class Stores:
    """Frame and flow stores of one dataset, looked up by video."""

    def __init__(self, dataset: str, frames: Iterable[Path], flow: Iterable[Path]) -> None:
        self._dataset = dataset
        self._frames = self._by_video([(path, FrameReader(path)) for path in frames])
        readers = [(path, open_reader(path)) for path in flow]
        self._flow = self._by_video(readers)
        self._flow_readers = [reader for _, reader in readers]

    def _by_video(self, readers: list[tuple[Path, Any]]) -> dict[str, tuple[Path, Any]]:
        by_video: dict[str, tuple[Path, Any]] = {}
        for path, reader in readers:
            for video in reader.videos:
                if video in by_video:
                    raise UserError(
                        f"{path}: video {video!r} is in {by_video[video][0]}, too; give one of them"
                    )
                by_video[video] = (path, reader)
        return by_video

    def frame_store(self, video: str, manifest: Path) -> Path:
        """Store that holds a video's frames.

        Raises:
            UserError: no store holds them.
        """
        return self._find(self._frames, video, manifest, "frames")[0]

    def content(self, video: str, manifest: Path) -> str:
        """Digest of a video's frames, see `FrameReader.content`.

        Raises:
            UserError: no store holds them.
        """
        return self._find(self._frames, video, manifest, "frames")[1].content(video)

    def reason_without_flow(self, video: str) -> str | None:
        """Reason for which flow extraction left a video out; None if it did not."""
        return self._without_flow.get(video)

    def length(self, video: str, manifest: Path) -> int:
        """Number of stored frames of a video.

        Raises:
            UserError: no store holds them.
        """
        return self._find(self._frames, video, manifest, "frames")[1].length(video)

    def fps(self, video: str, manifest: Path) -> float:
        """Frames a second of a video.

        Raises:
            UserError: no store holds them.
        """
        return self._find(self._frames, video, manifest, "frames")[1].fps(video)

    def flow_store(self, video: str, manifest: Path) -> tuple[Path, Any] | None:
        """Store that holds a video's flow, and its reader.

        Returns:
            None for a still image, and for a video that extraction has left out.

        Raises:
            UserError: no store knows the video.
        """
        if video not in self._flow and (self._is_still(video) or video in self._without_flow):
            return None
        return self._find(self._flow, video, manifest, "flow")

    def _is_still(self, video: str) -> bool:
        return video in self._frames and self._frames[video][1].length(video) == 1

    @cached_property
    def _without_flow(self) -> dict[str, str]:
        """Reasons by video that extraction has left out, from the provenance of the flow stores."""
        return {
            left_out["video"]: left_out.get("reason", "no reason is recorded")
            for reader in self._flow_readers
            for left_out in reader.provenance.get("left_out", ())
        }

    def _find(
        self, stores: dict[str, tuple[Path, Any]], video: str, manifest: Path, option: str
    ) -> tuple[Path, Any]:
        if video not in stores:
            given = len({path for path, _ in stores.values()})
            raise UserError(
                f"{manifest}: video {video!r} is usable, but in none of the {given} stores of "
                f"{self._dataset} given by --{option}; give them all, or make the missing one"
            )
        return stores[video]
