"""Flow of anyone's videos: decode the files that are named, without a dataset or a workflow."""

import logging
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

from commonfate.base import parquet, provenance
from commonfate.datasets import folder, inventory, on_disk
from commonfate.storage import frame_files
from commonfate.videos import manifest, shard
from commonfate.videos.decode import Decoding

log = logging.getLogger(__name__)
REPORT = "videos.parquet"
FRAMES = "frames.zarr.zip"


class OwnVideos:
    """Videos of which flow is estimated, and the folder that it goes to.

    Frames are several times larger than their videos and their flow. They lie in a hidden folder
    while they are needed; an interruption leaves them, so that the same command goes on.

    Args:
        paths: video files, and folders that are searched for videos and folders of frames.
        output: folder for `videos.parquet`: a row a video, as a manifest.
        gaps: a video that is too short for all of them is left out.
        decoding: how files are decoded.

    Attributes:
        settings: what the frames are made of: gaps, decoding, sizes and times of the files, names
            of the videos, and what cannot be opened.
    """

    def __init__(
        self, paths: Sequence[Path], output: Path, gaps: Sequence[int], decoding: Decoding
    ) -> None:
        found = folder.given(paths)
        files = sorted({*chain.from_iterable(s.frame_files or (s.path,) for s in found)})
        files = [file for file in files if not on_disk.file_fault(file)]
        self.settings = {
            "gaps": list(gaps),
            **decoding.settings(),
            "files": frame_files.state_of(files),
            "names": [source.id for source in found],
            "faults": [[source.path, source.fault] for source in found if source.fault],
        }
        self._table = inventory.build(found, shard_size=len(found))
        self._gaps, self._decoding = tuple(gaps), decoding
        self._output, self._report = output, output / REPORT
        self._hidden = output / ".decoded"

    @contextmanager
    def decoded(self, keep: bool, retry: bool) -> Iterator[tuple[Path, Path]]:
        """Decode the videos, unless that is done already, and yield the report and a frame store.

        Args:
            keep: leave the frames in `frames.zarr.zip`.
            retry: do not be content with a store that has left out some of the videos.

        Raises:
            UserError: none of the videos is usable.
        """
        # The hashes of the files are those of the videos: they are read once, while decoded.
        record = provenance.record("flow", self.settings, inputs=[])
        kept = self._output / FRAMES
        is_kept = keep or shard.is_made(kept, self._report, record)
        frames = kept if is_kept else self._hidden / FRAMES
        if shard.is_made(frames, self._report, record) and not (retry and self.left_out()):
            log.info("%s is there already, made from these files", frames)
            self.say_left_out()
            rows = parquet.read(self._report)
        else:
            rows = shard.write(
                self._table, frames, self._report, record, self._gaps, self._decoding
            )
        manifest.gather(str(self._output), [rows])  # raises where nothing is usable
        yield self._report, frames
        shutil.rmtree(self._hidden, ignore_errors=True)

    def has_frames(self) -> bool:
        """Whether a frame store is kept."""
        return (self._output / FRAMES).is_file()

    def left_out(self) -> list[tuple[str, str]]:
        """File and reason of each video that the report says is not usable."""
        return manifest.left_out(parquet.read(self._report)) if self._report.is_file() else []

    def say_left_out(self) -> None:
        """Log what an earlier call has left out."""
        for source, reason in self.left_out():
            log.warning("%s: left out: %s", source, reason)


def rows(report: Path) -> dict[str, dict[str, Any]]:
    """The usable videos of a report, by name."""
    listed = parquet.read(report).to_dict("records")
    return {row["id"]: row for row in listed if row["status"] == "ok"}
