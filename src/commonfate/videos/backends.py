"""The decoders, each a function from a path to frames. Runs in the decoding child process.

decord must not be imported in any other process: after it, OpenCV's PNG reader fails ("bad
parameters to zlib"), since each library brings its own zlib.
"""

import re
from collections.abc import Callable, Iterator

import numpy as np

from commonfate.base.orientation import orient
from commonfate.videos.deinterlacing import deinterlaced
from commonfate.videos.inspection import (
    THREADS,
    Counts,
    DecodeError,
    Inspection,
    Stillness,
    decoded,
    open_video,
    silent,
    video_stream,
)

# decord decodes ahead of its reader without bound: what it would hold is limited here.
DECORD_BYTES = 512 * 2**20


class BackendMissing(DecodeError):
    """A decoder cannot be imported."""


def pyav_frames(
    path: str,
    found: Inspection,
    deinterlace: bool = False,
    alive: Callable[[], None] = silent,
) -> Iterator[np.ndarray]:
    """Decode with PyAV, a frame at a time.

    Args:
        path: the video file.
        found: what `inspect` says of it.
        deinterlace: make whole frames of interlaced ones.
        alive: called when a frame has been decoded that is not yielded at once.

    Yields:
        (H, W, 3) uint8, RGB.

    Raises:
        DecodeError: the file is not the one that was inspected.
    """
    number = 0
    with open_video(path) as container:
        frames = decoded(container, Counts())
        if deinterlace:
            frames = deinterlaced(frames, video_stream(container))
        for frame in frames:
            number += 1
            yield orient(frame.to_ndarray(format="rgb24"), found.orientation)
    if number != found.frames:
        raise DecodeError(f"{number} frames decode, but {found.frames} did before")


def decord_frames(
    path: str,
    found: Inspection,
    deinterlace: bool = False,
    alive: Callable[[], None] = silent,
) -> Iterator[np.ndarray]:
    """Decode with decord; nothing is yielded before the whole file has decoded as expected.

    decord 0.6.0 keeps every decoded frame in memory however slowly it is read, so holding them
    here costs little, and its silent faults (the last good frame repeated over corrupt ones,
    frames scaled to the first one's size) are found before a frame has left. It is read
    sequentially, since it seeks wrongly where timestamps are irregular.

    Args and results as in `pyav_frames`.

    Raises:
        DecodeError: decord fails, or its frames are not those that `inspect` saw; or the video is
            one that decord must not be given.
        BackendMissing: decord cannot be imported.
    """
    _refuse_for_decord(found, deinterlace)
    frames = _decord_all(path, found.frames, alive)
    if len(frames) != found.frames:
        count = f"{len(frames)}" if len(frames) < found.frames else f"more than {found.frames}"
        raise DecodeError(f"decord finds {count} frames, PyAV {found.frames}")
    # Narrower than 64 pixels, decord takes the padding of its lines for a fourth colour.
    if frames[0].shape != (*found.size, 3):
        raise DecodeError(f"decord gives frames of shape {frames[0].shape}, PyAV {found.size}")
    stillness = Stillness()
    for frame in frames:
        stillness.see(frame)
    if stillness.longest > found.longest_still:
        raise DecodeError(f"decord shows {stillness.longest} equal frames in a row, PyAV does not")
    yield from frames


def _decord_all(path: str, most: int, alive: Callable[[], None]) -> list[np.ndarray]:
    """Every frame that decord finds, but no more than one beyond `most`."""
    try:
        import decord
    except Exception as error:  # a broken installation raises OSError, RuntimeError, ...
        raise BackendMissing(f"decord cannot be imported ({error})") from error
    decord.logging.set_level(decord.logging.QUIET)
    frames: list[np.ndarray] = []
    try:
        reader = decord.VideoReader(path, num_threads=THREADS)
        while len(frames) <= most:
            frames.append(reader.next().asnumpy())
            alive()
    except StopIteration:
        del reader  # it may hang when it is freed: better before the first frame has left
    except Exception as error:  # decord raises whatever its C++ or its assertions say
        raise DecodeError(f"decord fails: {_said(error)}") from error
    return frames


def _refuse_for_decord(found: Inspection, deinterlace: bool) -> None:
    if deinterlace:
        raise DecodeError("decord does not deinterlace")
    height, width = found.size
    size_bytes = found.frames * height * width * 3
    if size_bytes > DECORD_BYTES:
        raise DecodeError(
            f"decord would keep {size_bytes / 2**20:.0f} MiB of frames in memory, "
            f"more than {DECORD_BYTES // 2**20}"
        )
    if found.mirrored:
        raise DecodeError("decord does not mirror a video whose display matrix asks for it")


def _said(error: Exception) -> str:
    """The first line of an error of decord's C++, without time, source line and file name."""
    lines = str(error).splitlines() or [type(error).__name__]
    return re.sub(r"^(\[[^]]*\] ?|/\S+\.cc:\d+: )+", "", lines[0])[:120]


BACKENDS = {"decord": decord_frames, "pyav": pyav_frames}
