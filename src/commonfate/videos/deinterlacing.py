"""Whole frames of interlaced ones, which hold two fields of different moments in turn lines."""

from collections.abc import Iterator
from typing import Any


def deinterlaced(frames: Iterator[Any], stream: Any) -> Iterator[Any]:
    """Make a whole frame of each interlaced one, by FFmpeg's `bwdif`; the others pass unchanged.

    The moment of a frame is that of its first field; as many frames leave as come.

    Args:
        frames: of PyAV, as they are decoded.
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
    """The frames that a graph has finished."""
    import av

    while True:
        try:
            yield graph.vpull()
        except (av.BlockingIOError, av.EOFError):
            return
