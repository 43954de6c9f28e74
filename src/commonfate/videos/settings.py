"""Settings of decoding videos and of storing their frames."""

from typing import Literal

from pydantic import Field, PositiveFloat

from commonfate.base.settings import Settings


class DecodeConfig(Settings):
    """Reading video files."""

    backend: Literal["auto", "decord", "pyav"] = "auto"
    """`auto` is decord, then PyAV for what decord cannot read or where it is not installed."""
    timeout_s: PositiveFloat = 300.0
    """Seconds without a new frame after which a video is given up."""
    deinterlace: bool = False
    """Make whole frames of interlaced ones (bwdif); without it they are used combed."""


class FramesConfig(Settings):
    """Storing decoded frames."""

    codec: Literal["blosc", "jpeg", "png"] = "blosc"
    """`blosc` and `png` are lossless; `jpeg` is several times smaller."""
    quality: int = Field(95, ge=1, le=100)
    """Quality of `jpeg`."""
