"""Pictures in a row as a film: MP4 for players, animated WebP for pages. One frame at a time."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from commonfate.base.errors import ConfigError


@dataclass(frozen=True)
class _Format:
    """How PyAV writes one kind of film."""

    encoder: str
    pixels: str
    options: dict[str, str]
    container: dict[str, str]


_BT601 = 6
"""FFmpeg's number of the matrix that it turns RGB into YUV with; players guess another for HD."""
FORMATS = {
    # Without cpu-independent, x264's macroblock tree varies with the alignment of its memory.
    "mp4": _Format(
        "libx264",
        "yuv420p",
        {"crf": "18", "preset": "medium", "x264-params": "cpu-independent=1"},
        {"fflags": "+bitexact", "movflags": "+faststart"},
    ),
    "webp": _Format("libwebp_anim", "bgra", {"quality": "85"}, {"loop": "0"}),
}
"""By suffix of the file."""


def write(path: str | Path, pictures: Iterable[np.ndarray], fps: float, suffix: str) -> None:
    """Write a film; each picture is forgotten once it is encoded.

    Args:
        path: where to; its own suffix does not matter.
        pictures: at least one, (H, W, 3) uint8 RGB, all of one size.
        fps: pictures a second.
        suffix: a key of `FORMATS`.

    Raises:
        ConfigError: the installed PyAV lacks the encoder.
        ValueError: there are no pictures.
    """
    import av

    chosen = FORMATS[suffix]
    if chosen.encoder not in av.codecs_available:
        raise ConfigError(
            f".{suffix}: this PyAV lacks the encoder {chosen.encoder}; write a .png, or install "
            f"PyAV from PyPI (pip install av)"
        )
    stream = None
    with av.open(str(path), "w", format=suffix, options=chosen.container) as container:
        for picture in map(_even, pictures):
            if stream is None:
                stream = container.add_stream(
                    chosen.encoder, rate=Fraction(fps).limit_denominator(1001)
                )
                stream.height, stream.width = picture.shape[:2]
                stream.pix_fmt = chosen.pixels
                stream.codec_context.options = chosen.options
                # Threads share out the work as they come, and then the bytes differ.
                stream.codec_context.thread_count = 1
                if suffix == "mp4":
                    stream.codec_context.colorspace = _BT601
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        if stream is None:
            raise ValueError("no pictures to make a film of")
        container.mux(stream.encode())


def _even(picture: np.ndarray) -> np.ndarray:
    """Add a white row and column where height and width are odd: H.264 halves its colours."""
    height, width = picture.shape[:2]
    odd = ((0, height % 2), (0, width % 2), (0, 0))
    return np.ascontiguousarray(np.pad(picture, odd, constant_values=255))
