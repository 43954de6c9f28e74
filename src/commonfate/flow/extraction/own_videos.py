"""Flow of a user's own videos: decode files without a dataset or a workflow."""

import logging
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

from commonfate.base import parquet, provenance
from commonfate.datasets import folder, inventory, on_disk
from commonfate.datasets.base import VideoSource
from commonfate.storage import frame_files
from commonfate.videos import manifest, shard
from commonfate.videos.decode import Decoding

log = logging.getLogger(__name__)
REPORT = "videos.parquet"
FRAMES = "frames.zarr.zip"


class OwnVideos:
    """A user's videos, and the output folder of their flow.

    Frames are several times larger than their videos and their flow. While they are needed they lie
    in a hidden folder, which survives an interruption, so that the same command can go on.

    Args:
        paths: video files, and folders that are searched for videos and folders of frames.
        output: folder for `videos.parquet`, a manifest with a row for each video.
        gaps: a video that is too short for all gaps is left out.
        decoding: settings of the decoder.

    Attributes:
        settings: inputs of the frames, for provenance: gaps, decoding, sizes and times of the
            files, names of the videos, and files that cannot be opened.
    """

    def __init__(
        self, paths: Sequence[Path], output: Path, gaps: Sequence[int], decoding: Decoding
    ) -> None:
        videos = folder.given(paths)
        self._videos = {video.id: video for video in videos}
        self._gaps, self._decoding = tuple(gaps), decoding
        self.settings = self._settings(videos)
        self._table = inventory.build(videos, shard_size=len(videos))
        self._output, self._report = output, output / REPORT
        self._hidden = output / ".decoded"

    def settings_of(self, name: str) -> dict[str, Any]:
        """Inputs of the frames of one video, as `settings` has those of all."""
        return self._settings([self._videos[name]])

    def _settings(self, videos: Sequence[VideoSource]) -> dict[str, Any]:
        files = sorted({*chain.from_iterable(v.frame_files or (v.path,) for v in videos)})
        files = [file for file in files if not on_disk.file_fault(file)]
        return {
            "gaps": list(self._gaps),
            **self._decoding.settings(),
            "files": frame_files.state_of(files),
            "names": [video.id for video in videos],
            "faults": [[video.path, video.fault] for video in videos if video.fault],
        }

    @contextmanager
    def decoded(self, keep: bool, retry: bool) -> Iterator[tuple[Path, Path]]:
        """Decode the videos, unless their frames exist; yield paths of the report and frame store.

        Args:
            keep: leave the frames in `frames.zarr.zip`.
            retry: decode again if an existing store has left out videos.

        Raises:
            UserError: none of the videos is usable.
        """
        # The files are not hashed here: decoding hashes each video, in one pass.
        record = provenance.record("flow", self.settings, inputs=[])
        kept = self._output / FRAMES
        is_kept = keep or shard.is_made(kept, self._report, record)
        frames = kept if is_kept else self._hidden / FRAMES
        if shard.is_made(frames, self._report, record) and not (retry and self.left_out()):
            log.info("%s is there already, made from these files", frames)
            self.log_left_out()
            rows = parquet.read(self._report)
        else:
            rows = shard.write(
                self._table, frames, self._report, record, self._gaps, self._decoding
            )
        manifest.gather(str(self._output), [rows])  # raises where nothing is usable
        yield self._report, frames
        shutil.rmtree(self._hidden, ignore_errors=True)

    def names(self) -> list[str] | None:
        """Names of the usable videos, if an earlier call has looked at these very files."""
        if not self._report.is_file():
            return None
        same = parquet.provenance(self._report).get("settings") == self.settings
        return list(rows(self._report)) if same else None

    def has_frames(self) -> bool:
        """True if a frame store is kept."""
        return (self._output / FRAMES).is_file()

    def left_out(self) -> list[tuple[str, str]]:
        """File and reason of each unusable video in the report."""
        return manifest.left_out(parquet.read(self._report)) if self._report.is_file() else []

    def log_left_out(self) -> None:
        """Log the videos that an earlier call has left out."""
        for source, reason in self.left_out():
            log.warning("%s: left out: %s", source, reason)


def rows(report: Path) -> dict[str, dict[str, Any]]:
    """The usable videos of a report, by name."""
    listed = parquet.read(report).to_dict("records")
    return {row["id"]: row for row in listed if row["status"] == "ok"}
