"""Number of frames and duration of a video by its container, where these can be trusted."""

import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from commonfate.videos.container import video_stream

ASF_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
"""GUID of ASF's File Properties Object; `_asf_duration_s` reads its fields."""
ASF_HEADER_BYTES = 1 << 16


@dataclass(frozen=True)
class Promise:
    """Number of frames and duration by a container.

    Attributes:
        frames: frames that its video stream shows; 0 if it gives none, or an unreliable number.
        seconds: its duration; 0 if it gives none.
        of_file: True if this is the duration of all streams together, not of the video alone.
    """

    frames: int
    seconds: float
    of_file: bool


def of(container: Any, path: str) -> Promise:
    """Read a container's promise; call this before any of its packets is read.

    Args:
        container: of PyAV, open.
        path: the file.
    """
    stream, name = video_stream(container), container.format.name
    if name == "asf":
        # FFmpeg believes a duration only if the file is as long as its header says.
        return Promise(0, _asf_duration_s(path), of_file=True)
    if name == "avi":
        return _of_avi(stream)
    frames = stream.frames
    if frames and "mp4" in name and len(stream.index_entries):
        # An edit list, which cutting without re-encoding leaves, hides frames that the header
        # counts, and headers have been seen to count frames twice.
        frames = sum(not entry.is_discard for entry in stream.index_entries)
    if stream.duration is not None:
        return Promise(frames, float(stream.duration * stream.time_base), of_file=False)
    if match := re.fullmatch(r"(\d+):(\d+):(\d+\.?\d*)", stream.metadata.get("DURATION", "")):
        hours, minutes, seconds = match.groups()
        return Promise(frames, 3600 * int(hours) + 60 * int(minutes) + float(seconds), False)
    return Promise(frames, (container.duration or 0) / 1_000_000, of_file=True)


def _of_avi(stream: Any) -> Promise:
    """Promise of an AVI file.

    The header's count includes empty chunks, which stand for dropped frames. The index at the end
    of the file counts the frames that are there. Without an index the file is cut off, or was never
    finished: then the header's count gives the duration, as an empty chunk lasts as long as others.
    """
    slots, entries = stream.frames, stream.index_entries
    if len(entries) and entries[len(entries) - 1].timestamp >= slots / 2:
        return Promise(len(entries), 0.0, of_file=False)
    return Promise(0, float(slots * stream.time_base), of_file=False)


def _asf_duration_s(path: str) -> float:
    """Duration by the header of an ASF file (WMV); 0 if it gives none, as for live streams.

    Advanced Systems Format specification, section 3.2.
    """
    with Path(path).open("rb") as file:
        header = file.read(ASF_HEADER_BYTES)
    at = header.find(ASF_PROPERTIES)
    # Behind the GUID: size, GUID and size of the file, date, packets, durations, preroll, flags.
    if at < 0 or len(header) < at + 92:
        return 0.0
    duration, _, preroll_ms, flags = struct.unpack_from("<QQQI", header, at + 64)
    is_live = flags & 1
    return 0.0 if is_live else max(0.0, duration / 1e7 - preroll_ms / 1e3)
