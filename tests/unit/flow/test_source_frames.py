"""Frames decoded from the videos themselves, beside the flow that was estimated from them."""

import av
import cv2
import numpy as np
import pytest

from commonfate.base.errors import StoreError
from commonfate.flow.extraction.own_videos import OwnVideos
from commonfate.flow.extraction.source_frames import SourceFrames, beside
from commonfate.storage.flow import open_reader, open_writer
from commonfate.storage.frames import FrameReader
from commonfate.videos.decode import Decoding

SIZE = (32, 48)


def write_video(path, count=8):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.height, stream.width = SIZE
        stream.pix_fmt = "yuv420p"
        for t in range(count):
            picture = np.full((*SIZE, 3), 20 * t, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        container.mux(stream.encode())


@pytest.fixture
def decoded(tmp_path, monkeypatch):
    """Report and frame store of a file and of a folder of images, named by relative paths."""
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / "clip.mp4")
    (tmp_path / "images").mkdir()
    for t in range(4):
        cv2.imwrite(f"images/{t}.png", np.full((*SIZE, 3), 50 * t, np.uint8))
    paths = [tmp_path.__class__(name) for name in ("clip.mp4", "images")]
    own = OwnVideos(paths, tmp_path / "out", [1], Decoding())
    with own.decoded(keep=True, retry=False) as stores:
        yield stores


@pytest.mark.parametrize("order", [range(4), (2, 3, 0, 1, 1)])
def test_frames_are_those_of_a_frame_store(decoded, tmp_path, monkeypatch, order):
    report, frames = decoded
    stored = FrameReader(frames)
    monkeypatch.chdir("/")
    sources = SourceFrames(report, tmp_path)
    assert len(stored.videos) == 2
    for t in order:  # one video and the other by turns
        for video in stored.videos:
            np.testing.assert_array_equal(sources.read(video, t), stored.read(video, t))
            assert sources.fps(video) == stored.fps(video)
    sources.close()


@pytest.mark.parametrize("name", ["clip.mp4", "images/2.png"])
@pytest.mark.parametrize(("change", "reason"), [("remove", "cannot be read"), ("edit", "another")])
def test_a_video_that_is_not_what_it_was_is_named(decoded, tmp_path, name, change, reason):
    file = tmp_path / name
    file.unlink() if change == "remove" else file.write_bytes(file.read_bytes() + b"x")
    source = name.partition("/")[0]
    sources = SourceFrames(decoded[0], tmp_path)
    (video,) = (v for v in FrameReader(decoded[1]).videos if source.startswith(v))
    with pytest.raises(StoreError, match=rf"{source}: .*{reason}"):
        sources.read(video, 0)


def test_what_a_video_does_not_have_is_refused(decoded, tmp_path):
    sources = SourceFrames(decoded[0], tmp_path)
    with pytest.raises(StoreError, match="no usable video 'dog'"):
        sources.read("dog", 0)
    with pytest.raises(StoreError, match=r"clip\.mp4: ends before frame 8"):
        sources.read("clip", 8)


def test_flow_of_a_data_set_has_no_videos_beside_it(decoded, tmp_path):
    store = decoded[0].with_name("flow.zarr.zip")
    for provenance in ({}, {"run_in": str(tmp_path)}):
        with open_writer(store, provenance=provenance, key="") as writer:
            writer.add(
                "clip", 1, 8, SIZE, ((t, np.zeros((2, *SIZE), np.float32)) for t in range(7))
            )
        assert (beside(open_reader(store)) is None) == (provenance == {})
