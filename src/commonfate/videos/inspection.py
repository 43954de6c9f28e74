"""Look a video file through from end to end without keeping its pixels.

Runs in the decoding child process. What containers claim (frame counts, durations) is wrong often
enough that only decoding tells; PyAV reports each frame that its decoder had to patch up, which
decord does not.
"""

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from commonfate.base.errors import UserError
from commonfate.videos import promises
from commonfate.videos.promises import video_stream

# Decoders differ when damaged files are decoded by several threads; one gives equal results.
THREADS = 1


class DecodeError(UserError):
    """A file cannot be decoded; the message is the reason, without the file's name."""


@dataclass(frozen=True)
class Inspection:
    """What decoding a file from end to end shows.

    Attributes:
        frames: frames that decode.
        damaged: packets that do not decode, and frames that decode only with errors.
        promised_frames: frames that the container says it has, 0 if it does not say.
        promised_s: duration in seconds that the container says the video, or else the file, has;
            0 if it does not.
        packets: compressed frames that are in the file.
        sizes: height, width and first frame of every stretch of frames of one size.
        orientation: what must be done to decoded frames, in this order: swap the axes, mirror
            left-right, mirror top-bottom.
        times_s: presentation time of each frame, increasing.
        end_s: when the last frame ends.
        longest_still: length of the longest run of frames with equal brightness.
        read_s: when the last packet ends, of the video, or of the file where `promised_s` is.
        interlaced: frames that hold two fields of different moments.
    """

    frames: int
    damaged: int
    promised_frames: int
    promised_s: float
    packets: int
    sizes: tuple[tuple[int, int, int], ...]
    orientation: tuple[bool, bool, bool]
    times_s: tuple[float, ...]
    end_s: float
    longest_still: int
    read_s: float = 0.0
    interlaced: int = 0

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Inspection":
        """Make one of its fields as JSON hands them back, with lists for tuples."""
        sizes = tuple(tuple(size) for size in values["sizes"])
        tuples = {name: tuple(values[name]) for name in ("orientation", "times_s")}
        return cls(**{**values, **tuples, "sizes": sizes})

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the first frame, as it is to be displayed; 0, 0 without one."""
        if not self.sizes:
            return 0, 0
        height, width, _ = self.sizes[0]
        return (width, height) if self.orientation[0] else (height, width)

    @property
    def mirrored(self) -> bool:
        """Whether showing the video takes more than turning it."""
        return sum(self.orientation) % 2 == 1

    @property
    def fps(self) -> float:
        """Mean frames a second, 0 where there are fewer than two frames."""
        span_s = self.times_s[-1] - self.times_s[0] if self.times_s else 0.0
        return (self.frames - 1) / span_s if span_s > 0 else 0.0


def open_video(path: str) -> Any:
    """Open a container with PyAV and set up its video stream for decoding.

    Raises:
        DecodeError: FFmpeg cannot read the file, or it holds no video.
    """
    import av

    # Before version 19, PyAV refuses files with titles that are not UTF-8 unless told otherwise.
    old = int(av.__version__.partition(".")[0]) < 19
    try:
        container = av.open(path, **({"metadata_errors": "ignore"} if old else {}))
    except (av.FFmpegError, OSError) as error:
        raise DecodeError(f"not a readable video: {error.strerror}{_cut_off(path)}") from error
    stream = video_stream(container)
    if stream is None or stream.codec_context is None:
        container.close()
        what = "no video stream" if stream is None else "a video of a codec unknown to FFmpeg"
        raise DecodeError(f"not a readable video: it holds {what}")
    stream.thread_type = "SLICE"
    stream.codec_context.thread_count = THREADS
    return container


@dataclass
class Counts:
    """What is counted while a file is decoded.

    Attributes:
        packets: compressed frames.
        damaged: packets that do not decode, and frames that decode only with errors.
        end_s: when the last packet of the video ends, by its times.
        file_end_s: likewise of all streams.
    """

    packets: int = 0
    damaged: int = 0
    end_s: float = 0.0
    file_end_s: float = 0.0

    def add(self, packet: Any, of_video: bool) -> None:
        """Count a packet of any stream."""
        times = [time for time in (packet.pts, packet.dts) if time is not None]
        if not packet.size:
            return
        if times and packet.time_base:
            end_s = float((max(times) + (packet.duration or 0)) * packet.time_base)
            self.file_end_s = max(self.file_end_s, end_s)
            if of_video:
                self.end_s = max(self.end_s, end_s)
        self.packets += of_video


def decoded(container: Any, counts: Counts) -> Iterator[Any]:
    """Yield the frames that decode, in the order in which they are shown.

    Packets of other streams are counted, too: they tell whether a file is cut off.

    Args:
        container: from `open_video`.
        counts: is counted up.
    """
    import av

    index = video_stream(container).index
    packets = container.demux()
    while True:
        try:
            packet = next(packets, None)
            if packet is None:
                return
            of_video = packet.stream.index == index
            counts.add(packet, of_video)
            frames = packet.decode() if of_video else []
        except av.FFmpegError:
            counts.damaged += 1
            continue
        for frame in frames:
            counts.damaged += bool(frame.is_corrupt)
            yield frame


def silent() -> None:
    """Say nothing of a frame that has been decoded."""


def inspect(path: str, alive: Callable[[], None] = silent) -> Inspection:
    """Decode a whole file and say what was found.

    Args:
        path: the video file.
        alive: called after each frame.

    Raises:
        DecodeError: the file cannot be opened as a video.
    """
    counts = Counts()
    sizes: list[tuple[int, int, int]] = []
    times: list[float | None] = []
    interlaced = 0
    stillness = Stillness()
    orientation = (False, False, False)
    with open_video(path) as container:
        stream = video_stream(container)
        # Before anything is decoded: demuxers add to their index as they read.
        promise = promises.of(container, path)
        for number, frame in enumerate(decoded(container, counts)):
            if not sizes or sizes[-1][:2] != (frame.height, frame.width):
                sizes.append((frame.height, frame.width, number))
            if number == 0:
                orientation = display_orientation(frame)
            times.append(frame.time)
            interlaced += bool(frame.interlaced_frame)
            stillness.see(frame.to_ndarray(format="gray"))
            last = frame
            alive()
        interval_s = 1 / float(stream.average_rate or stream.guessed_rate or 25)
        shown_s = increasing(times, interval_s)
        if times and last.duration:
            interval_s = float(last.duration * last.time_base)
        return Inspection(
            frames=len(times),
            damaged=counts.damaged,
            promised_frames=promise.frames,
            promised_s=promise.seconds,
            packets=counts.packets,
            sizes=tuple(sizes),
            orientation=orientation,
            times_s=shown_s,
            end_s=shown_s[-1] + interval_s if times else 0.0,
            longest_still=stillness.longest,
            read_s=counts.file_end_s if promise.of_file else counts.end_s,
            interlaced=interlaced,
        )


class Stillness:
    """Counts how many frames in a row are equal."""

    def __init__(self) -> None:
        self.longest = 0
        self._run = 0
        self._previous: np.ndarray | None = None

    def see(self, image: np.ndarray) -> None:
        """Take note of the next frame."""
        self._run = self._run + 1 if np.array_equal(image, self._previous) else 1
        self.longest = max(self.longest, self._run)
        self._previous = image


def increasing(times_s: Sequence[float | None], interval_s: float) -> tuple[float, ...]:
    """Presentation times, or evenly spaced ones where the container's make no sense.

    Args:
        times_s: what the container says of each frame, None where it says nothing.
        interval_s: the spacing to fall back to.
    """
    known = [time_s for time_s in times_s if time_s is not None]
    ordered = all(a < b for a, b in pairwise(known))
    if len(known) == len(times_s) and ordered:
        return tuple(known)
    return tuple(number * interval_s for number in range(len(times_s)))


def display_orientation(frame: Any) -> tuple[bool, bool, bool]:
    """Read a frame's display matrix: swap the axes, mirror left-right, mirror top-bottom.

    The matrix maps stored to shown coordinates, x' = ax + cy and y' = bx + dy (ISO/IEC 14496-12,
    6.2.2). Angles that are no multiple of 90 degrees are not carried out.
    """
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return False, False, False
    a, b, _, c, d, *_ = struct.unpack("=9i", bytes(matrix))
    if a == d == 0:
        return True, c < 0, b < 0
    if b == c == 0:
        return False, a < 0, d < 0
    return False, False, False


def _cut_off(path: str) -> str:
    """A hint for the most common damage: an MP4 whose index, at its end, was never written."""
    if not Path(path).is_file():
        return ""
    with Path(path).open("rb") as file:
        begins_as_mp4 = file.read(8)[4:] == b"ftyp"
    return " (it begins as an MP4, but its index is missing: cut off?)" if begins_as_mp4 else ""
