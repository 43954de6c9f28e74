"""Turn the videos of one shard into a frame store and a report, a row a video."""

import logging
from pathlib import Path
from typing import Any

import pandas as pd

from commonfate.datasets import faults
from commonfate.files import sha256
from commonfate.progress import track
from commonfate.storage.frames import FrameWriter
from commonfate.videos import verdict
from commonfate.videos.decode import Decoder
from commonfate.videos.frame_folder import check_numbering, frame_size
from commonfate.videos.inspection import DecodeError, Inspection

log = logging.getLogger(__name__)

# Images carry no frame rate. At this one, times count frames.
FRAMES_A_SECOND = 1.0

# What is added to a row of the inventory.
COLUMNS = ("frames", "height", "width", "fps", "sha256", "backend", "status", "reason")


def extract(
    videos: pd.DataFrame, writer: FrameWriter, decoder: Decoder, gaps: tuple[int, ...]
) -> pd.DataFrame:
    """Decode or check each video; what is not usable is left out with a reason.

    Args:
        videos: rows of an inventory.
        writer: where frames go.
        decoder: what decodes video files.
        gaps: the dataset's frame gaps; a video needs frames for at least one of them.

    Returns:
        The rows with the columns of a manifest: `status` is `ok` or `left_out`; `fps` is 1 for
        frames that come as images.
    """
    found = []
    rows = videos.to_dict("records")
    for video in track(rows, "frames", total=len(rows)):
        facts = {"frames": 0, "height": 0, "width": 0, "fps": 0.0, "sha256": "", "backend": ""}
        try:
            if video["fault"]:
                raise DecodeError(video["fault"])
            if video["frame_files"] is None:
                _add_file(video, writer, decoder, gaps, facts)
            else:
                _add_folder(video, writer, gaps, facts)
            facts.update(status="ok", reason="")
        except DecodeError as error:
            log.warning("%s: left out: %s", video["source"], error)
            facts.update(status="left_out", reason=str(error))
        found.append({**video, **facts})
    return pd.DataFrame(found, columns=[*videos.columns.drop("fault"), *COLUMNS])


def _add_file(
    video: dict[str, Any],
    writer: FrameWriter,
    decoder: Decoder,
    gaps: tuple[int, ...],
    facts: dict[str, Any],
) -> None:
    path = Path(video["source"])
    if fault := faults.of_file(path):
        raise DecodeError(fault)
    if path.stat().st_size == 0:
        raise DecodeError("empty file")
    try:
        facts["sha256"] = sha256(path)
    except OSError as error:
        raise DecodeError(f"cannot be read: {error.strerror}") from error
    facts["backend"] = "pyav"  # which looks the file through, whatever decodes it afterwards
    found = decoder.inspect(str(path))
    height, width = found.size
    facts.update(frames=found.frames, height=height, width=width, fps=found.fps)
    if reason := verdict.reason_against(found, gaps):
        raise DecodeError(reason)
    facts["backend"], frames = decoder.frames(str(path), found)
    writer.add_video(video["id"], frames, found.times_s, found.fps)
    _remark(path, found)


def _remark(path: Path, found: Inspection) -> None:
    """Say aloud what is odd in a video that is used."""
    if found.damaged:
        log.warning("%s: %d of its frames are damaged, but used", path, found.damaged)
    if found.longest_still > max(2, found.frames // 2):
        log.warning(
            "%s: %d of its %d frames in a row show the same picture",
            path,
            found.longest_still,
            found.frames,
        )


def _add_folder(
    video: dict[str, Any], writer: FrameWriter, gaps: tuple[int, ...], facts: dict[str, Any]
) -> None:
    files = [Path(file) for file in video["frame_files"]]
    facts.update(backend="files", frames=len(files))
    check_numbering(files)
    height, width = frame_size(files)
    facts.update(height=height, width=width, fps=FRAMES_A_SECOND)
    if reason := verdict.too_short(len(files), gaps):
        raise DecodeError(reason)
    writer.add_files(video["id"], files, (height, width), FRAMES_A_SECOND)
