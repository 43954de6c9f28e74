"""Small real videos, and a decord that misbehaves on demand."""

import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.codec.context import Flags

FRAMES = 12


def moving_texture(t: int, height: int = 64, width: int = 96) -> np.ndarray:
    """(H, W, 3) uint8; blocks of colour that move left by two pixels a frame."""
    blocks = np.random.default_rng(0).integers(0, 255, (height // 8, 40, 3), dtype=np.uint8)
    return np.ascontiguousarray(blocks.repeat(8, 0).repeat(8, 1)[:, 2 * t : 2 * t + width])


@pytest.fixture
def make_video(tmp_path) -> Callable[..., Path]:
    """Write a video; `times` are in twelfths of a second."""

    def make(
        name: str = "good.mp4",
        frames: int = FRAMES,
        codec: str = "libx264",
        size: tuple[int, int] = (64, 96),
        picture: Callable[..., np.ndarray] = moving_texture,
        times: Callable[[int], int] = lambda t: t,
        **options: str,
    ) -> Path:
        path = tmp_path / name
        with av.open(path, "w", options=options) as container:
            stream = container.add_stream(codec, rate=12)
            stream.height, stream.width = size
            stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            stream.gop_size = 6
            # So that equal pictures give equal bytes: neither threads nor the CPU decide anything.
            stream.codec_context.thread_count = 1
            if codec == "libx264":
                stream.codec_context.options = {"x264-params": "cpu-independent=1"}
            for t in range(frames):
                frame = av.VideoFrame.from_ndarray(picture(t, *size), format="rgb24")
                frame.pts, frame.time_base = times(t), Fraction(1, 12)
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        return path

    return make


@pytest.fixture
def make_interlaced(tmp_path) -> Callable[..., Path]:
    """Write twelve interlaced frames: their odd lines show the moment half a frame later."""

    def make(name: str = "fields.mpg") -> Path:
        path = tmp_path / name
        with av.open(path, "w") as container:
            stream = container.add_stream("mpeg2video", rate=25)
            stream.height, stream.width, stream.pix_fmt = 64, 96, "yuv420p"
            stream.bit_rate = 4_000_000
            stream.codec_context.flags |= Flags.interlaced_dct | Flags.interlaced_me
            for t in range(FRAMES):
                picture = moving_texture(2 * t)
                picture[1::2] = moving_texture(2 * t + 1)[1::2]
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                frame = frame.reformat(format="yuv420p", dst_colorspace="itu709")
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        return path

    return make


@pytest.fixture
def make_sounding(tmp_path) -> Callable[..., Path]:
    """Write three seconds of video with as much sound, or more of it."""

    def make(name: str, video: str, audio: str, sound_s: float = 3.0) -> Path:
        path = tmp_path / name
        with av.open(path, "w") as container:
            stream = container.add_stream(video, rate=25)
            stream.height, stream.width, stream.pix_fmt = 64, 96, "yuv420p"
            if video == "libvpx":
                stream.codec_context.options = {"deadline": "realtime", "cpu-used": "8"}
            sound = container.add_stream(audio, rate=48_000, layout="mono")
            sound.bit_rate = 64_000
            packets = [p for t in range(75) for p in stream.encode(picture_at(t))]
            packets += stream.encode()
            for start in range(0, int(48_000 * sound_s), 1024):
                packets += sound.encode(noise_at(start))
            packets += sound.encode()
            for packet in sorted(packets, key=lambda p: float(p.dts * p.time_base)):
                container.mux(packet)
        return path

    return make


def picture_at(t: int) -> av.VideoFrame:
    """Frame t of a video of 25 frames a second."""
    frame = av.VideoFrame.from_ndarray(moving_texture(t % 12), format="rgb24")
    frame.pts, frame.time_base = t, Fraction(1, 25)
    return frame


def noise_at(start: int) -> av.AudioFrame:
    """1024 samples of sound."""
    noise = np.random.default_rng(start).uniform(-0.3, 0.3, (1, 1024)).astype(np.float32)
    frame = av.AudioFrame.from_ndarray(noise, format="fltp", layout="mono")
    frame.pts, frame.sample_rate, frame.time_base = start, 48_000, Fraction(1, 48_000)
    return frame


@pytest.fixture
def patch_mp4() -> Callable[..., Path]:
    """Overwrite fields of a box of an MP4, from `offset` bytes behind its name on."""

    def patch(path: Path, box: bytes, offset: int, layout: str, *values: int) -> Path:
        data = bytearray(path.read_bytes())
        struct.pack_into(layout, data, data.index(box) + 4 + offset, *values)
        path.write_bytes(data)
        return path

    return patch


@pytest.fixture
def fake_decord(tmp_path, monkeypatch) -> Callable[[str, str], None]:
    """Put a module in decord's place in child processes; its reader does what is given."""

    def install(on_open: str = "pass", on_next: str = "raise StopIteration") -> None:
        folder = tmp_path / "fake"
        folder.mkdir()
        (folder / "decord.py").write_text(
            "import os, signal, time\n"
            "class logging:\n"
            "    QUIET = 0\n"
            "    set_level = staticmethod(lambda level: None)\n"
            "class VideoReader:\n"
            "    def __init__(self, path, num_threads):\n"
            f"        {on_open}\n"
            "    def next(self):\n"
            f"        {on_next}\n"
        )
        monkeypatch.setenv("PYTHONPATH", str(folder))

    return install
