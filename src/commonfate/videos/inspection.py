"""Inspection of a video file: decode it from end to end without keeping its pixels.

Runs in the decoding child process. Frame counts and durations in containers are often wrong; only
decoding gives the true ones. PyAV reports each frame that its decoder had to patch up. decord does
not, and packets do not show damage inside them: of ten H.264 files with 10 or 30 flipped bytes, all
packets were there and decord showed all frames of eight.
"""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from commonfate.videos import promises
from commonfate.videos.container import Counts, decoded, open_video, video_stream


@dataclass(frozen=True)
class Inspection:
    """Result of decoding a file from end to end.

    Attributes:
        frames: frames that decode.
        damaged: packets that do not decode, and frames that decode only with errors.
        promised_frames: number of frames by the container, 0 if it gives none.
        promised_s: duration of the video, or else of the file, by the container, seconds; 0 if it
            gives none.
        packets: compressed frames that are in the file.
        sizes: height, width and first frame of every run of frames of one size.
        orientation: steps that turn decoded frames upright, in this order: swap the axes, mirror
            left-right, mirror top-bottom.
        times_s: presentation time of each frame, increasing.
        end_s: end of the last frame.
        longest_still: length of the longest run of frames with equal brightness.
        read_s: end of the last packet, of the video, or of the file if `promised_s` is the file's.
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
        """Make an inspection from its fields in JSON, with lists for tuples."""
        sizes = tuple(tuple(size) for size in values["sizes"])
        tuples = {name: tuple(values[name]) for name in ("orientation", "times_s")}
        return cls(**{**values, **tuples, "sizes": sizes})

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the first frame as it is shown; 0, 0 without one."""
        if not self.sizes:
            return 0, 0
        height, width, _ = self.sizes[0]
        return (width, height) if self.orientation[0] else (height, width)

    @property
    def mirrored(self) -> bool:
        """True if frames must be mirrored, not only turned."""
        return sum(self.orientation) % 2 == 1

    @property
    def fps(self) -> float:
        """Mean frames a second, 0 if there are fewer than two frames."""
        span_s = self.times_s[-1] - self.times_s[0] if self.times_s else 0.0
        return (self.frames - 1) / span_s if span_s > 0 else 0.0


def silent() -> None:
    """Ignore a decoded frame; the default of `alive`."""


def inspect(path: str, alive: Callable[[], None] = silent) -> Inspection:
    """Decode a whole file.

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
    """Length of the longest run of equal frames."""

    def __init__(self) -> None:
        self.longest = 0
        self._run = 0
        self._previous: np.ndarray | None = None

    def see(self, image: np.ndarray) -> None:
        """Count the next frame."""
        still = self._previous is not None and np.array_equal(image, self._previous)
        self._run = self._run + 1 if still else 1
        self.longest = max(self.longest, self._run)
        self._previous = image


def increasing(times_s: Sequence[float | None], interval_s: float) -> tuple[float, ...]:
    """Presentation times, or evenly spaced ones if the container's do not increase.

    Args:
        times_s: time of each frame by the container, None if it gives none.
        interval_s: spacing of the evenly spaced times.
    """
    given = [time_s for time_s in times_s if time_s is not None]
    ordered = all(a < b for a, b in pairwise(given))
    if len(given) == len(times_s) and ordered:
        return tuple(given)
    return tuple(number * interval_s for number in range(len(times_s)))


def display_orientation(frame: Any) -> tuple[bool, bool, bool]:
    """Read a frame's display matrix: swap the axes, mirror left-right, mirror top-bottom.

    The matrix maps stored to shown coordinates, x' = ax + cy and y' = bx + dy (ISO/IEC 14496-12,
    6.2.2). Rotations by other angles than multiples of 90 degrees are ignored.
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
