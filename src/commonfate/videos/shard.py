"""Turn the videos of one shard into a frame store and a report, a row a video."""

import glob
import hashlib
import itertools
import logging
from pathlib import Path
from typing import Any

import pandas as pd

from commonfate.base import parquet
from commonfate.base.errors import StoreError
from commonfate.base.files import exclusive, sha256
from commonfate.base.progress import track
from commonfate.datasets import annotation_check, on_disk
from commonfate.storage.frames import FrameReader, FrameWriter
from commonfate.storage.image_codec import FrameCodec
from commonfate.videos import verdict
from commonfate.videos.container import DecodeError
from commonfate.videos.decode import Decoder, Decoding
from commonfate.videos.frame_folder import check_numbering, frame_size
from commonfate.videos.inspection import Inspection

log = logging.getLogger(__name__)

COLUMNS = (
    "frames",
    "height",
    "width",
    "fps",
    "sha256",
    "annotations_sha256",
    "backend",
    "looked_at",
    "interlaced",
    "deinterlaced",
    "status",
    "reason",
)
"""Columns that are added to a row of the inventory."""


def write(
    videos: pd.DataFrame,
    output: Path,
    report: Path,
    record: dict[str, Any],
    gaps: tuple[int, ...],
    decoding: Decoding,
    codec: FrameCodec = "blosc",
    quality: int = 95,
) -> pd.DataFrame:
    """Write a frame store and the report of a shard, one process at a time.

    A process that has waited for another one uses its output, if that has the same provenance.

    Args:
        videos: rows of an inventory.
        output: the frame store.
        report: table of all videos, a row each.
        record: provenance, kept in both. Outputs with equal records, but for `time`, are the same.
        gaps: see `extract`.
        decoding: settings of the decoding of video files.
        codec, quality: see `FrameWriter`.

    Returns:
        The report.
    """
    with exclusive(output) as waited:
        if waited and is_made(output, report, record):
            log.info("%s is there already, made of the same", output)
            return parquet.read(report)
        report.unlink(missing_ok=True)  # an interruption must not leave it beside other frames
        with (
            Decoder(decoding) as decoder,
            FrameWriter(output, codec=codec, quality=quality, provenance=record) as writer,
        ):
            rows = extract(videos, writer, decoder, gaps)
        parquet.write(report, rows, record)
        return rows


def is_made(output: Path, report: Path, record: dict[str, Any]) -> bool:
    """True if a frame store and its report are there with the provenance `record`, but for time."""
    try:
        previous = FrameReader(output).provenance
    except StoreError:
        return False
    free = {"time": None}
    return report.is_file() and previous | free == record | free


def extract(
    videos: pd.DataFrame, writer: FrameWriter, decoder: Decoder, gaps: tuple[int, ...]
) -> pd.DataFrame:
    """Decode or check each video; unusable ones are left out with a reason.

    Args:
        videos: rows of an inventory.
        writer: of the frames.
        decoder: of video files.
        gaps: the dataset's frame gaps; a video needs frames for at least one of them.

    Returns:
        The rows with the columns of a manifest. `status` is `ok` or `left_out`. `frames` and `fps`
        are of the frames that are used, one in `every`. `sha256` is of the bytes of a video file,
        or of all images; `annotations_sha256` is of the ground truth, "" if there is none.
        `looked_at` is the part of the frames that was read: `pixels`, or of images their `headers`.
        `interlaced` is the number of frames that held two fields; if `deinterlaced`, whole frames
        were made of them.
    """
    report = []
    rows = videos.to_dict("records")
    for video in track(rows, "frames", total=len(rows)):
        entry = {"frames": 0, "height": 0, "width": 0, "fps": 0.0, "sha256": ""}
        entry |= {"annotations_sha256": "", "backend": "", "looked_at": ""}
        entry |= {"interlaced": 0, "deinterlaced": False}
        try:
            if video["fault"]:
                raise DecodeError(video["fault"])
            entry["annotations_sha256"] = _annotations_digest(video)
            if video["frame_files"] is None:
                _add_file(video, writer, decoder, gaps, entry)
            else:
                _add_folder(video, writer, gaps, entry)
            entry.update(status="ok", reason="")
        except DecodeError as error:
            log.warning("%s: left out: %s", video["source"], error)
            entry.update(status="left_out", reason=str(error))
        report.append({**video, **entry})
    return pd.DataFrame(report, columns=[*videos.columns.drop(["fault", "fps"]), *COLUMNS])


def _add_file(
    video: dict[str, Any],
    writer: FrameWriter,
    decoder: Decoder,
    gaps: tuple[int, ...],
    entry: dict[str, Any],
) -> None:
    path = Path(video["source"])
    if fault := on_disk.file_fault(path):
        raise DecodeError(fault)
    if path.stat().st_size == 0:
        raise DecodeError("empty file")
    try:
        entry["sha256"] = sha256(path)
    except OSError as error:
        raise DecodeError(f"cannot be read: {error.strerror}") from error
    entry["backend"] = "pyav"  # inspects the file; `frames` may use another backend
    inspection = decoder.inspect(str(path))
    height, width = inspection.size
    every = video["every"]
    used = len(range(0, inspection.frames, every))
    entry.update(frames=used, height=height, width=width, fps=inspection.fps / every)
    entry["interlaced"] = inspection.interlaced
    if reason := verdict.reason_against(inspection, gaps) or verdict.too_short(used, gaps):
        raise DecodeError(reason)
    _check_annotations(video, inspection.size)
    entry["backend"], frames = decoder.frames(str(path), inspection)
    thinned = itertools.islice(frames, 0, None, every)
    writer.add_video(video["id"], thinned, inspection.times_s[::every], inspection.fps / every)
    entry["looked_at"] = "pixels"
    entry["deinterlaced"] = decoder.deinterlaces(inspection)
    _remark(path, inspection, entry["deinterlaced"])


def _check_annotations(video: dict[str, Any], size: tuple[int, int]) -> None:
    """Read all masks now: a bad mask must not be noticed only after the training."""
    if video["annotation_files"] is None:
        return
    try:
        remarks = annotation_check.check(video["annotation_files"], video["annotation_kind"], size)
    except StoreError as error:
        raise DecodeError(str(error)) from error
    for remark in remarks:
        log.warning("%s", remark)


def _remark(path: Path, inspection: Inspection, deinterlaced: bool) -> None:
    """Log warnings about a video that is used although something is odd."""
    if inspection.interlaced and not deinterlaced:
        log.warning(
            "%s: %d of its %d frames are interlaced, so what moves looks combed; "
            "decode.deinterlace (--deinterlace) makes whole frames of them",
            *(path, inspection.interlaced, inspection.frames),
        )
    if inspection.damaged:
        log.warning("%s: %d of its frames are damaged, but used", path, inspection.damaged)
    if inspection.longest_still > max(2, inspection.frames // 2):
        log.warning(
            "%s: %d of its %d frames in a row show the same picture",
            path,
            inspection.longest_still,
            inspection.frames,
        )


def _add_folder(
    video: dict[str, Any], writer: FrameWriter, gaps: tuple[int, ...], entry: dict[str, Any]
) -> None:
    files = [Path(file) for file in video["frame_files"]]
    entry.update(backend="files", frames=len(files))
    if video["numbered"]:
        check_numbering(files)
    height, width = frame_size(files)
    entry.update(height=height, width=width, fps=video["fps"])
    if reason := verdict.too_short(len(files), gaps):
        raise DecodeError(reason)
    _check_annotations(video, (height, width))
    try:
        entry["sha256"] = writer.add_files(video["id"], files, (height, width), video["fps"])
    except OSError as error:
        raise DecodeError(f"cannot be read: {error.strerror} ({error.filename})") from error
    entry["looked_at"] = "headers"


def _annotations_digest(video: dict[str, Any]) -> str:
    """Digest of the files of the ground truth; "" if there are none.

    Unreadable files are no error here; `annotation_check` refuses them.
    """
    if video["annotation_files"] is None:
        return ""
    digest = hashlib.sha256()
    for entry in video["annotation_files"]:
        for file in _matching(entry):
            try:
                # Opening a pipe would wait.
                digest.update(sha256(file).encode() if Path(file).is_file() else b"no file")
            except OSError as error:
                digest.update(f"{error.strerror}".encode())
        digest.update(b"\n")
    return digest.hexdigest()


def _matching(entry: str) -> list[str]:
    """Files of an entry of the ground truth: one file, those that match a pattern, or none."""
    if not entry or Path(entry).exists():
        return [entry] if entry else []
    return sorted(glob.glob(entry))  # noqa: PTH207 - Path.glob takes no absolute pattern
