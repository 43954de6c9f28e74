"""The extraction loop over made-up frames, into real stores."""

from collections import Counter

import numpy as np
import pytest
import torch

from commonfate.config import FlowSource
from commonfate.errors import StoreError, UserError
from commonfate.flow import estimators
from commonfate.flow.estimators import FlowEstimator
from commonfate.flow.extract import extract
from commonfate.flow.providers import Estimated
from commonfate.storage.flow import open_reader, open_writer

GAPS = (-2, -1, 1, 2)


class Frames:
    """Noise videos; counts what is read, and cannot read one of them from frame 2 on."""

    def __init__(self, lengths: dict[str, int], broken: tuple[str, ...] = ()) -> None:
        self.lengths, self.broken = lengths, broken
        self.reads = Counter()

    def length(self, video):
        return self.lengths[video]

    def size(self, video):
        return 24, 32

    def read(self, video, t):
        if video in self.broken and t >= 2:
            raise StoreError(f"frames.zarr.zip: frame {t} of {video!r} cannot be read")
        self.reads[video, t] += 1
        seed = [ord(letter) for letter in video] + [t]
        return np.random.default_rng(seed).integers(0, 256, (24, 32, 3), dtype=np.uint8)


class Difference(FlowEstimator):
    """Not flow, but easy to foretell: u is the first image's red, v the second's, over 255."""

    name = description = "difference"
    batch_size = 3

    def __init__(self, fails_after: int = 10_000, memory: int = 100) -> None:
        self.fails_after, self.memory, self.sizes = fails_after, memory, []

    def estimate(self, images):
        self.sizes.append(len(images))
        if len(images) > self.memory:
            raise torch.OutOfMemoryError("CUDA out of memory")
        if sum(self.sizes) > self.fails_after:
            raise KeyboardInterrupt
        return images[:, :, 0].float() / 255


def rows(frames: Frames, **status: str) -> list[dict]:
    return [{"id": v, "status": status.get(v, "ok"), "truth": ""} for v in frames.lengths]


def run(path, frames, estimator, gaps=GAPS, batch_size=None, videos=None, key="k"):
    videos = rows(frames) if videos is None else videos
    with open_writer(path, provenance={"verb": "flow"}, key=key) as writer:
        extract(videos, frames, Estimated(estimator, batch_size), gaps, writer)
    return open_reader(path)


def test_every_pair_is_stored_and_every_frame_is_read_once(tmp_path):
    frames = Frames({"a": 6, "b": 4})
    reader = run(tmp_path / "s.zarr.zip", frames, Difference())
    assert set(frames.reads.values()) == {1}
    assert reader.videos == ["a", "b"]
    assert reader.provenance["left_out"] == []
    for video, length in frames.lengths.items():
        assert reader.gaps(video) == sorted(GAPS)
        for gap in GAPS:
            covered = reader.frames_with_flow(video, gap)
            assert list(covered) == [t for t in range(length) if 0 <= t + gap < length]
            for t in covered:
                flow = reader.read(video, gap, t)
                expected = [frames.read(video, s)[:, :, 0] / 255 for s in (t, t + gap)]
                np.testing.assert_allclose(flow, expected, atol=1 / 64 + 1e-6)


def test_the_store_depends_on_neither_batch_size_nor_shard_nor_order_of_gaps(tmp_path):
    frames = Frames({"a": 7, "b": 5})
    dis = estimators.create(FlowSource(estimator="dis", preset="ultrafast"))
    whole = run(tmp_path / "0.zarr.zip", frames, dis)
    others = [
        run(tmp_path / "1.zarr.zip", frames, dis, batch_size=1),
        run(tmp_path / "2.zarr.zip", frames, dis, gaps=GAPS[::-1], batch_size=5),
        run(tmp_path / "3.zarr.zip", frames, dis, gaps=(1,), videos=rows(frames)[1:]),
    ]
    for other in others:
        for video in other.videos:
            for gap in other.gaps(video):
                for t in other.frames_with_flow(video, gap):
                    expected = whole.read(video, gap, t)
                    np.testing.assert_array_equal(other.read(video, gap, t), expected)


def test_a_run_that_was_killed_goes_on_with_what_is_missing(tmp_path):
    frames = Frames({"a": 6, "b": 6, "c": 6})
    path = tmp_path / "s.zarr.zip"
    pairs = sum(6 - abs(gap) for gap in GAPS)
    with pytest.raises(KeyboardInterrupt):
        run(path, frames, Difference(fails_after=pairs + 8))
    assert not path.exists()
    frames.reads.clear()
    second = Difference()
    reader = run(path, frames, second)
    assert {video for video, _ in frames.reads} == {"b", "c"}
    assert sum(second.sizes) == 2 * pairs
    unbroken = run(tmp_path / "t.zarr.zip", frames, Difference())
    assert path.read_bytes() == (tmp_path / "t.zarr.zip").read_bytes()
    assert reader.videos == unbroken.videos == ["a", "b", "c"]


def test_a_single_gap_that_is_missing_is_done_alone(tmp_path):
    frames = Frames({"a": 5})
    path = tmp_path / "s.zarr.zip"
    with pytest.raises(ZeroDivisionError), open_writer(path, provenance={}, key="k") as writer:
        extract(rows(frames), frames, Estimated(Difference()), (1,), writer)
        raise ZeroDivisionError
    estimator = Difference()
    assert run(path, frames, estimator, gaps=(-1, 1)).gaps("a") == [-1, 1]
    assert sum(estimator.sizes) == 4


def test_a_video_that_fails_is_left_out_and_named_and_the_others_go_on(tmp_path, caplog):
    frames = Frames({"a": 4, "bad": 4, "c": 2, "gone": 4}, broken=("bad",))
    videos = rows(frames, gone="left_out")
    reader = run(tmp_path / "s.zarr.zip", frames, Difference(), videos=videos)
    assert reader.videos == ["a", "c"]
    assert reader.gaps("c") == [-1, 1]
    assert reader.provenance["left_out"] == [
        {"video": "c", "gaps": [-2, 2], "reason": "it has only 2 frames"},
        {
            "video": "bad",
            "gaps": [-2, -1, 1, 2],
            "reason": "frames.zarr.zip: frame 2 of 'bad' cannot be read",
        },
    ]
    assert "bad, gaps [-2, -1, 1, 2]: left out: frames.zarr.zip: frame 2 of 'bad'" in caplog.text


def test_when_every_video_fails_there_is_no_store(tmp_path):
    frames = Frames({"x": 4, "y": 4}, broken=("x", "y"))
    path = tmp_path / "s.zarr.zip"
    with pytest.raises(UserError, match=r"none of 2 videos gave any flow; the first, x: frames"):
        run(path, frames, Difference())
    assert not path.exists()


def test_a_shard_without_usable_videos_is_an_empty_store(tmp_path, caplog):
    frames = Frames({"a": 4})
    videos = rows(frames, a="left_out")
    assert run(tmp_path / "s.zarr.zip", frames, Difference(), videos=videos).videos == []
    assert "none of the shard's 1 videos is usable" in caplog.text


def test_a_full_disk_stops_the_run_instead_of_leaving_a_video_out(tmp_path, monkeypatch):
    frames = Frames({"a": 40, "b": 4})
    with open_writer(tmp_path / "s.zarr.zip", provenance={}, key="k") as writer:

        def add(*_):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(writer, "add", add)
        with pytest.raises(OSError, match="No space left"):
            extract(rows(frames), frames, Estimated(Difference()), GAPS, writer)


def test_batches_are_halved_when_the_gpus_memory_does_not_suffice(tmp_path, caplog):
    frames = Frames({"a": 8})
    estimator = Difference(memory=2)
    reader = run(tmp_path / "s.zarr.zip", frames, estimator, gaps=(1,), batch_size=6)
    assert estimator.sizes == [6, 3, 1, 2, 3, 1, 2, 1]
    assert "does not suffice for 6 pairs; now 3" in caplog.text
    expected = frames.read("a", 4)[:, :, 0] / 255
    np.testing.assert_allclose(reader.read("a", 1, 4)[0], expected, atol=1 / 64 + 1e-6)


def test_a_gpu_too_small_for_one_pair_is_said(tmp_path):
    with pytest.raises(UserError, match="does not suffice for one pair of frames of 24x32"):
        run(tmp_path / "s.zarr.zip", Frames({"a": 3}), Difference(memory=0))
