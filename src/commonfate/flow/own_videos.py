"""Flow of anyone's videos: decode the files that are named, without a dataset or a workflow."""

import logging
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from commonfate import parquet, provenance
from commonfate.datasets import faults, given, inventory
from commonfate.errors import StoreError
from commonfate.storage.frames import FrameReader, FrameWriter
from commonfate.videos import manifest, shard
from commonfate.videos.decode import Decoder

log = logging.getLogger(__name__)


def decode(paths: Sequence[Path], output: Path, gaps: Sequence[int]) -> tuple[Path, Path]:
    """Decode videos into a frame store, unless it is there already.

    Args:
        paths: video files, and folders that are searched for videos and folders of frames.
        output: folder for `videos.parquet` (a row a video, as a manifest) and `frames.zarr.zip`.
        gaps: a video that is too short for all of them is left out.

    Returns:
        The manifest and the frame store.

    Raises:
        UserError: none of the videos is usable, or one does not exist.
    """
    found = given.sources(paths)
    table = inventory.build(found, shard_size=len(found))
    files = sorted({*chain.from_iterable(s.frame_files or (s.path,) for s in found)})
    files = [file for file in files if not faults.of_file(file)]
    record = provenance.record("flow", {"gaps": list(gaps)}, inputs=files)
    # Without the time equal videos give an equal store, and interrupted work on it goes on.
    del record["time"]
    report, frames = output / "videos.parquet", output / "frames.zarr.zip"
    if report.is_file() and _provenance(frames) == record:
        log.info("%s is there already, made from these files", frames)
        return report, frames
    report.unlink(missing_ok=True)  # an interruption must not leave it beside other frames
    with Decoder() as decoder, FrameWriter(frames, provenance=record) as writer:
        rows = shard.extract(table, writer, decoder, tuple(gaps))
    manifest.gather(str(output), [rows])  # raises where nothing is usable
    parquet.write(report, rows, record)
    return report, frames


def _provenance(frames: Path) -> dict[str, Any] | None:
    """What a frame store was made from; None where there is none that can be read."""
    try:
        return FrameReader(frames).provenance
    except StoreError:
        return None
