"""Containers through PyAV: open them, demux and decode packets, make whole frames.

Runs in the decoding child process.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from commonfate.base.errors import UserError

THREADS = 1
"""Threads of a decoder. With several, results on damaged files differ from run to run."""


class DecodeError(UserError):
    """A file cannot be decoded; the message is the reason, without the file's name."""


def video_stream(container: Any) -> Any:
    """The stream that players and decord show: not, say, a cover picture."""
    return container.streams.best("video")


def open_video(path: str) -> Any:
    """Open a container with PyAV and set up its video stream for decoding.

    Raises:
        DecodeError: FFmpeg cannot read the file, or it holds no video.
    """
    import av

    # Before version 19, PyAV refuses files with titles that are not UTF-8 unless told otherwise.
    old = int(av.__version__.partition(".")[0]) < 19
    lenient: dict[str, Any] = {"metadata_errors": "ignore"} if old else {}
    try:
        container = av.open(path, **lenient)
    except (av.FFmpegError, OSError) as error:
        raise DecodeError(f"not a readable video: {error.strerror}{_cut_off(path)}") from error
    stream = video_stream(container)
    if stream is None or stream.codec_context is None:
        container.close()
        content = "no video stream" if stream is None else "a video of a codec unknown to FFmpeg"
        raise DecodeError(f"not a readable video: it holds {content}")
    stream.thread_type = "SLICE"
    stream.codec_context.thread_count = THREADS
    return container


def _cut_off(path: str) -> str:
    """A hint for the most common damage: an MP4 whose index, at its end, was never written."""
    if not Path(path).is_file():
        return ""
    with Path(path).open("rb") as file:
        begins_as_mp4 = file.read(8)[4:] == b"ftyp"
    return " (it begins as an MP4, but its index is missing: cut off?)" if begins_as_mp4 else ""


@dataclass
class Counts:
    """Counts of a file while it is decoded.

    Attributes:
        packets: compressed frames.
        damaged: packets that do not decode, and frames that decode only with errors.
        end_s: end of the last packet of the video, by its times.
        file_end_s: end of the last packet of all streams.
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
    """Yield the frames that decode, in the order of presentation.

    Packets of other streams are counted, too: they show if a file is cut off.

    Args:
        container: from `open_video`.
        counts: updated with each packet and frame.
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


def deinterlaced(frames: Iterator[Any], stream: Any) -> Iterator[Any]:
    """Make a whole frame of each interlaced one, by FFmpeg's `bwdif`; the others pass unchanged.

    An interlaced frame holds two fields of different moments in alternate lines. The whole frame
    has the time of the first field; the number of frames does not change.

    Args:
        frames: of PyAV, in the order of presentation.
        stream: their stream.
    """
    import av

    graph = av.filter.Graph()
    nodes = [
        graph.add_buffer(template=stream),
        graph.add("bwdif", "mode=send_frame:parity=auto:deint=interlaced"),
        graph.add("buffersink"),
    ]
    graph.link_nodes(*nodes).configure()
    for frame in frames:
        graph.vpush(frame)
        yield from _ready(graph)
    graph.vpush(None)
    yield from _ready(graph)


def _ready(graph: Any) -> Iterator[Any]:
    """Yield the frames that a graph has finished."""
    import av

    while True:
        try:
            yield graph.vpull()
        except (av.BlockingIOError, av.EOFError):
            return
