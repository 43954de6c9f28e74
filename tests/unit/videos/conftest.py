"""Small real videos, and a decord that misbehaves on demand."""

import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

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
            stream.pix_fmt = "yuv420p"
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
