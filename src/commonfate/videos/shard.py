"""Turn the videos of one shard into a frame store and a report, a row a video."""

import glob
import hashlib
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
from commonfate.videos.decode import Decoder, Decoding
from commonfate.videos.frame_folder import check_numbering, frame_size
from commonfate.videos.inspection import DecodeError, Inspection

log = logging.getLogger(__name__)

# Images carry no frame rate. At this one, times count frames.
FRAMES_A_SECOND = 1.0

# What is added to a row of the inventory.
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

    A process that has waited for another one finds what that one has made of the same.

    Args:
        videos: rows of an inventory.
        output: the frame store.
        report: what was found, a row a video.
        record: kept in both; all but its `time` tells whether they are of the same.
        gaps: see `extract`.
        decoding: how video files are decoded.
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
            found = extract(videos, writer, decoder, gaps)
        parquet.write(report, found, record)
        return found


def is_made(output: Path, report: Path, record: dict[str, Any]) -> bool:
    """Whether a frame store and its report are there, made as `record` says."""
    try:
        there = FrameReader(output).provenance
    except StoreError:
        return False
    free = {"time": None}
    return report.is_file() and there | free == record | free


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
        frames that come as images; `sha256` is of a video file's bytes, or of those of all images;
        `annotations_sha256` likewise of the ground truth, "" where there is none; `looked_at` says
        how far frames were read: `pixels`, or of images their `headers`; `interlaced` counts frames
        that were two fields, of which `deinterlaced` says that they became whole frames.
    """
    found = []
    rows = videos.to_dict("records")
    for video in track(rows, "frames", total=len(rows)):
        facts = {"frames": 0, "height": 0, "width": 0, "fps": 0.0, "sha256": ""}
        facts |= {"annotations_sha256": "", "backend": "", "looked_at": ""}
        facts |= {"interlaced": 0, "deinterlaced": False}
        try:
            if video["fault"]:
                raise DecodeError(video["fault"])
            facts["annotations_sha256"] = _annotations_digest(video)
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
    if fault := on_disk.file_fault(path):
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
    facts["interlaced"] = found.interlaced
    if reason := verdict.reason_against(found, gaps):
        raise DecodeError(reason)
    _check_annotations(video, found.size)
    facts["backend"], frames = decoder.frames(str(path), found)
    writer.add_video(video["id"], frames, found.times_s, found.fps)
    facts["looked_at"] = "pixels"
    facts["deinterlaced"] = decoder.deinterlaces(found)
    _remark(path, found, facts["deinterlaced"])


def _check_annotations(video: dict[str, Any], size: tuple[int, int]) -> None:
    """Look at the masks now: what is wrong with them must not show after all training."""
    if video["annotation_files"] is None:
        return
    try:
        remarks = annotation_check.check(video["annotation_files"], video["annotation_kind"], size)
    except StoreError as error:
        raise DecodeError(str(error)) from error
    for remark in remarks:
        log.warning("%s", remark)


def _remark(path: Path, found: Inspection, deinterlaced: bool) -> None:
    """Say aloud what is odd in a video that is used."""
    if found.interlaced and not deinterlaced:
        log.warning(
            "%s: %d of its %d frames are interlaced, so what moves looks combed; "
            "decode.deinterlace (--deinterlace) makes whole frames of them",
            *(path, found.interlaced, found.frames),
        )
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
    _check_annotations(video, (height, width))
    try:
        facts["sha256"] = writer.add_files(video["id"], files, (height, width), FRAMES_A_SECOND)
    except OSError as error:
        raise DecodeError(f"cannot be read: {error.strerror} ({error.filename})") from error
    facts["looked_at"] = "headers"


def _annotations_digest(video: dict[str, Any]) -> str:
    """Digest of the files of the ground truth; "" where there are none.

    What is wrong with them is said by `annotation_check`.
    """
    if video["annotation_files"] is None:
        return ""
    digest = hashlib.sha256()
    for entry in video["annotation_files"]:
        for file in _matching(entry):
            try:
                # A pipe would be waited for.
                digest.update(sha256(file).encode() if Path(file).is_file() else b"no file")
            except OSError as error:
                digest.update(f"{error.strerror}".encode())
        digest.update(b"\n")
    return digest.hexdigest()


def _matching(entry: str) -> list[str]:
    """The files of an entry of the ground truth: one, those that match a pattern, or none."""
    if not entry or Path(entry).exists():
        return [entry] if entry else []
    return sorted(glob.glob(entry))  # noqa: PTH207 - Path.glob takes no absolute pattern
