"""Writing frames as an MP4 file, with equal bytes for equal frames."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import numpy as np

from commonfate.base.errors import ConfigError

CODECS = {
    # Without cpu-independent, x264's macroblock tree varies with the alignment of its memory.
    "h264": ("libx264", {"crf": "16", "preset": "medium", "x264-params": "cpu-independent=1"}),
    "mpeg4": ("mpeg4", {"qmin": "2", "qmax": "2", "b": "50M"}),
}
"""Encoder and options of each codec: nearly without visible loss."""


def write_mp4(
    path: str | Path, frames: Iterable[np.ndarray], size: tuple[int, int], fps: float, codec: str
) -> None:
    """Encode a video.

    Args:
        frames: each (H, W, 3) uint8 RGB.
        size: (H, W), even.
        codec: a key of `CODECS`.

    Raises:
        ConfigError: the installed PyAV cannot encode it.
    """
    import av

    encoder, options = CODECS[codec]
    if encoder not in av.codecs_available:
        known = [name for name, (one, _) in CODECS.items() if one in av.codecs_available]
        raise ConfigError(
            f"codec = {codec!r}: this PyAV lacks the encoder {encoder}; "
            f"use one of: {', '.join(known) or 'none, reinstall PyAV'}"
        )
    with av.open(str(path), "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream(encoder, rate=Fraction(fps).limit_denominator(1001))
        stream.height, stream.width = size
        stream.pix_fmt = "yuv420p"
        # Threads share out the work as they come, and then the bytes differ from run to run.
        stream.codec_context.thread_count = 1
        stream.codec_context.options = options
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
