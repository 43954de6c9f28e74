"""The decoders, each a function from a path to frames. Runs in the decoding child process.

decord must not be imported in any other process: after its import OpenCV's PNG reader fails ("bad
parameters to zlib"), since each of the two libraries brings its own zlib.
"""

import re
from collections.abc import Callable, Iterator

import numpy as np

from commonfate.base.orientation import orient
from commonfate.videos.container import (
    THREADS,
    Counts,
    DecodeError,
    decoded,
    deinterlaced,
    open_video,
    video_stream,
)
from commonfate.videos.inspection import Inspection, Stillness, silent

DECORD_BYTES = 512 * 2**20
"""Most bytes of frames of a video that decord decodes: it keeps all of them in memory."""


class BackendMissing(DecodeError):
    """A decoder cannot be imported."""


def pyav_frames(
    path: str,
    inspection: Inspection,
    deinterlace: bool = False,
    alive: Callable[[], None] = silent,
) -> Iterator[np.ndarray]:
    """Decode with PyAV, a frame at a time.

    Args:
        path: the video file.
        inspection: result of `inspect`.
        deinterlace: make whole frames of interlaced ones.
        alive: called for each decoded frame that is not yielded at once.

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
            yield orient(frame.to_ndarray(format="rgb24"), inspection.orientation)
    if number != inspection.frames:
        raise DecodeError(f"{number} frames decode, but {inspection.frames} did before")


def decord_frames(
    path: str,
    inspection: Inspection,
    deinterlace: bool = False,
    alive: Callable[[], None] = silent,
) -> Iterator[np.ndarray]:
    """Decode with decord; nothing is yielded before the whole file has decoded as expected.

    decord 0.6.0 keeps every decoded frame in memory, however slowly its reader takes them. So
    holding them here costs little, and its silent faults (the last good frame repeated over corrupt
    ones, frames scaled to the first one's size) are noticed before the first frame is yielded. The
    file is read sequentially, since decord seeks wrongly where timestamps are irregular.

    Args and results as in `pyav_frames`.

    Raises:
        DecodeError: decord fails, its frames are not those of the inspection, or it is not to be
            used for such a video.
        BackendMissing: decord cannot be imported.
    """
    _refuse_for_decord(inspection, deinterlace)
    frames = _decord_all(path, inspection.frames, alive)
    if len(frames) != (expected := inspection.frames):
        count = f"{len(frames)}" if len(frames) < expected else f"more than {expected}"
        raise DecodeError(f"decord finds {count} frames, PyAV {expected}")
    # In videos narrower than 64 pixels, decord takes the padding of lines for a fourth colour.
    if frames[0].shape != (*inspection.size, 3):
        raise DecodeError(f"decord gives frames of shape {frames[0].shape}, PyAV {inspection.size}")
    stillness = Stillness()
    for frame in frames:
        stillness.see(frame)
    if stillness.longest > inspection.longest_still:
        raise DecodeError(f"decord shows {stillness.longest} equal frames in a row, PyAV does not")
    yield from frames


def _decord_all(path: str, most: int, alive: Callable[[], None]) -> list[np.ndarray]:
    """All frames by decord, but at most `most` + 1."""
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
        del reader  # freeing it may hang: do this before the first frame is yielded
    except Exception as error:  # decord raises many types, by its C++ or its assertions
        raise DecodeError(f"decord fails: {_first_line(error)}") from error
    return frames


def _refuse_for_decord(inspection: Inspection, deinterlace: bool) -> None:
    if deinterlace:
        raise DecodeError("decord does not deinterlace")
    height, width = inspection.size
    size_bytes = inspection.frames * height * width * 3
    if size_bytes > DECORD_BYTES:
        raise DecodeError(
            f"decord would keep {size_bytes / 2**20:.0f} MiB of frames in memory, "
            f"more than {DECORD_BYTES // 2**20}"
        )
    if inspection.mirrored:
        raise DecodeError("decord does not mirror a video whose display matrix asks for it")


def _first_line(error: Exception) -> str:
    """First line of an error of decord's C++, without time, source line and file name."""
    lines = str(error).splitlines() or [type(error).__name__]
    return re.sub(r"^(\[[^]]*\] ?|/\S+\.cc:\d+: )+", "", lines[0])[:120]


BACKENDS = {"decord": decord_frames, "pyav": pyav_frames}
