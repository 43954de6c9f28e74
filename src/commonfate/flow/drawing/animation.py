"""Films of pictures: MP4 for players, animated WebP for web pages."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from commonfate.base.errors import ConfigError


@dataclass(frozen=True)
class _Format:
    """Settings of PyAV for one kind of film."""

    encoder: str
    pixels: str
    options: dict[str, str]
    container: dict[str, str]


_BT601 = 6
"""FFmpeg's number of its matrix from RGB to YUV; players assume another one for HD."""
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
"""Formats by suffix of the file."""


def write(path: str | Path, pictures: Iterable[np.ndarray], fps: float, suffix: str) -> None:
    """Write a film, with one picture in memory at a time.

    Args:
        path: file to write; `suffix` decides the format, not the name.
        pictures: at least one, (H, W, 3) uint8 RGB, all of one size.
        fps: pictures a second.
        suffix: a key of `FORMATS`.

    Raises:
        ConfigError: the installed PyAV lacks the encoder.
        ValueError: there are no pictures.
    """
    import av

    form = FORMATS[suffix]
    if form.encoder not in av.codecs_available:
        raise ConfigError(
            f".{suffix}: this PyAV lacks the encoder {form.encoder}; write a .png, or install "
            f"PyAV from PyPI (pip install av)"
        )
    stream = None
    with av.open(str(path), "w", format=suffix, options=form.container) as container:
        for picture in map(_even, pictures):
            if stream is None:
                stream = container.add_stream(
                    form.encoder, rate=Fraction(fps).limit_denominator(1001)
                )
                stream.height, stream.width = picture.shape[:2]
                stream.pix_fmt = form.pixels
                stream.codec_context.options = form.options
                # With several threads the bytes differ from run to run.
                stream.codec_context.thread_count = 1
                if suffix == "mp4":
                    stream.codec_context.colorspace = _BT601
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        if stream is None:
            raise ValueError("no pictures to make a film of")
        container.mux(stream.encode())


def _even(picture: np.ndarray) -> np.ndarray:
    """Pad odd heights and widths by a white row or column, since H.264 subsamples colours."""
    height, width = picture.shape[:2]
    odd = ((0, height % 2), (0, width % 2), (0, 0))
    return np.ascontiguousarray(np.pad(picture, odd, constant_values=255))
