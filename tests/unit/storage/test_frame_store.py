"""The store of decoded frames."""

import pickle
import subprocess
import sys

import cv2
import numpy as np
import pytest
import zarr
from zarr.storage import ZipStore

from commonfate.base.errors import StoreError
from commonfate.storage.frames import FrameReader, FrameWriter


def noise(count, height=6, width=8, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, 3), dtype=np.uint8)


def write(path, videos, **settings):
    with FrameWriter(path, **settings) as writer:
        for video, frames in videos.items():
            times = [t / 12 for t in range(len(frames))]
            assert writer.add_video(video, iter(frames), times, fps=12) == len(frames)
    return FrameReader(path)


@pytest.mark.parametrize("codec", ["blosc", "png"])
def test_lossless_codecs(tmp_path, codec):
    videos = {"dog": noise(3), "bear": noise(2, 9, 5, seed=1)}
    reader = write(tmp_path / "s.zarr.zip", videos, codec=codec, provenance={"verb": "frames"})
    assert reader.videos == ["bear", "dog"]
    assert reader.length("dog") == 3 and reader.size("bear") == (9, 5) and reader.fps("dog") == 12
    assert reader.timestamps_s("dog") == [0, 1 / 12, 2 / 12]
    assert reader.provenance == {"verb": "frames"}
    for video, frames in videos.items():
        for t in reversed(range(len(frames))):
            frame = reader.read(video, t)
            assert frame.dtype == np.uint8
            np.testing.assert_array_equal(frame, frames[t])


def test_jpeg_takes_a_quality(tmp_path):
    y, x = np.mgrid[:64, :64]
    frames = np.stack([2 * x, 3 * y, x + y], -1).astype(np.uint8)[None]
    errors = [
        np.abs(reader.read("dog", 0).astype(int) - frames[0]).mean()
        for quality in (95, 10)
        for reader in [
            write(tmp_path / str(quality), {"dog": frames}, codec="jpeg", quality=quality)
        ]
    ]
    assert errors[0] < 2 < errors[1]


def test_any_zarr_reads_it(tmp_path):
    frames = noise(3)
    write(tmp_path / "s.zarr.zip", {"dog": frames})
    array = zarr.open(ZipStore(tmp_path / "s.zarr.zip"), path="dog", mode="r")
    assert array.chunks == (1, 6, 8, 3)
    assert array.attrs["fps"] == 12
    np.testing.assert_array_equal(array[:], frames)


def test_timestamps_may_come_with_the_frames(tmp_path):
    frames, growing = noise(3), []

    def decode():
        for t, frame in enumerate(frames):
            growing.append(0.5 * t)
            yield frame

    with FrameWriter(tmp_path / "s") as writer:
        writer.add_video("list", decode(), growing, 2.0)
    reader = FrameReader(tmp_path / "s")
    assert reader.timestamps_s("list") == [0, 0.5, 1]


def test_video_that_fails_leaves_no_trace(tmp_path):
    def breaks_off():
        yield from noise(2)
        raise RuntimeError("corrupt")

    videos = {"dog": noise(3), "fish": noise(2, seed=2)}
    with FrameWriter(tmp_path / "one") as writer:
        writer.add_video("dog", videos["dog"], [0, 1, 2], 1.0)
        with pytest.raises(RuntimeError, match="corrupt"):
            writer.add_video("bear", breaks_off(), [0, 1], 1.0)
        writer.add_video("fish", videos["fish"], [0, 1], 1.0)
    with FrameWriter(tmp_path / "other") as writer:
        for video, frames in videos.items():
            writer.add_video(video, frames, range(len(frames)), 1.0)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
    assert sorted(result.name for result in tmp_path.iterdir()) == ["one", "other"]


@pytest.mark.parametrize(
    ("frames", "times", "message"),
    [
        ([], [], "'dog' has no frame"),
        ([noise(1)[0], noise(1, 7, 8)[0]], [0, 1], r"frame 1: \(7, 8, 3\) uint8, but frame 0"),
        ([noise(1)[0].astype(float)], [0], r"frame 0: \(6, 8, 3\) float64"),
        ([noise(1)[0, ..., 0]], [0], r"frames are \(6, 8\), not \(H, W, 3\)"),
        (noise(2), [0], "2 frames, 1 timestamps"),
    ],
)
def test_frames_that_do_not_fit_are_refused(tmp_path, frames, times, message):
    with FrameWriter(tmp_path / "s") as writer, pytest.raises(ValueError, match=message):
        writer.add_video("dog", frames, times, 1.0)
    assert FrameReader(tmp_path / "s").videos == []


def test_a_video_is_added_once(tmp_path):
    with FrameWriter(tmp_path / "s") as writer:
        writer.add_video("dog", noise(1), [0], 1.0)
        with pytest.raises(ValueError, match="added before"):
            writer.add_files("dog", [], (1, 1), 1.0)


def test_nothing_is_left_of_a_writer_that_fails(tmp_path):
    with pytest.raises(RuntimeError), FrameWriter(tmp_path / "s") as writer:
        writer.add_video("dog", noise(1), [0], 1.0)
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


KILLED = """
import os, signal, sys
import numpy as np
from commonfate.storage.frames import FrameWriter
with FrameWriter(sys.argv[1]) as writer:
    writer.add_video("half", np.zeros((1, 6, 8, 3), np.uint8), [0], 1.0)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_writer_left_is_swept_away(tmp_path):
    killed = subprocess.run([sys.executable, "-c", KILLED, tmp_path / "s"], check=False)
    assert killed.returncode == -9 and not (tmp_path / "s").exists()
    assert write(tmp_path / "s", {"dog": noise(1)}).videos == ["dog"]
    assert [result.name for result in tmp_path.iterdir()] == ["s"]


def test_frames_read_in_place(tmp_path):
    frames, files = noise(3), []
    for t, frame in enumerate(frames):
        files.append(tmp_path / f"{t:05d}.png")
        cv2.imwrite(str(files[-1]), frame[..., ::-1])
    with FrameWriter(tmp_path / "s") as writer:
        writer.add_files("dog", files, size=(6, 8), fps=4)
    reader = FrameReader(tmp_path / "s")
    assert reader.length("dog") == 3 and reader.size("dog") == (6, 8)
    assert reader.timestamps_s("dog") == [0, 0.25, 0.5]
    np.testing.assert_array_equal(reader.read("dog", 2), frames[2])
    assert (tmp_path / "s").stat().st_size < 3000


def test_reader_is_pickled_without_what_it_opened(tmp_path):
    frames = noise(2)
    reader = write(tmp_path / "s", {"__dog/1": frames})
    np.testing.assert_array_equal(reader.read("__dog/1", 1), frames[1])
    data = pickle.dumps(reader)
    assert len(data) < 300
    reader.close()
    for again in (reader, pickle.loads(data)):
        np.testing.assert_array_equal(again.read("__dog/1", 1), frames[1])


def test_unknown_video_and_frame(tmp_path):
    reader = write(tmp_path / "s", {"dog": noise(2)})
    with pytest.raises(StoreError, match=r"s: holds no video 'dg'; did you mean dog\?; it holds"):
        reader.length("dg")
    for t in (2, -1):
        with pytest.raises(StoreError, match=f"holds no video 'dog', frame {t}; it holds 0, 1;"):
            reader.read("dog", t)
