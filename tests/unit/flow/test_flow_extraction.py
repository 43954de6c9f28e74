"""The extraction over made-up frames, into real stores, both ways: in batches, and side by side."""

import logging
import threading
from collections import Counter

import cv2
import numpy as np
import pytest
import torch

from commonfate.base.errors import StoreError, UserError
from commonfate.flow.estimators import registry as estimators
from commonfate.flow.estimators.base import FlowEstimator
from commonfate.flow.estimators.provider import FlowProvider
from commonfate.flow.extraction.extract import extract
from commonfate.flow.settings import FlowSource
from commonfate.storage.flow import open_reader, open_writer
from commonfate.storage.flow_part import FlowPart

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

    def state(self, video):
        return f"as {video} was"

    def read(self, video, t):
        if video in self.broken and t >= 2:
            raise StoreError(f"frames.zarr.zip: frame {t} of {video!r} cannot be read")
        self.reads[video, t] += 1
        seed = [ord(letter) for letter in video] + [t]
        return np.random.default_rng(seed).integers(0, 256, (24, 32, 3), dtype=np.uint8)


class Difference(FlowEstimator):
    """Not flow, but easy to foretell: u is the first image's red, v the second's, over 255.

    Counts what it is given; stops like a killed process, or for want of memory, where it is told.
    """

    name = description = "difference"

    def __init__(self, workers: int = 1, fails_after: int = 10_000, memory: int = 100) -> None:
        self.fails_after, self.memory, self.threads = fails_after, memory, workers
        self.sizes, self.encoded = [], 0
        self.lock = threading.Lock()

    @property
    def workers(self):
        return self.threads

    @property
    def batch_size(self):
        return 3

    def encode(self, frames):
        if len(frames) > 8 * self.memory:
            raise torch.OutOfMemoryError("CUDA out of memory")
        self.encoded += len(frames)
        return [frame[:, :, 0].astype(np.float32) / 255 for frame in frames]

    def estimate_pairs(self, pairs):
        with self.lock:
            self.sizes.append(len(pairs))
            if sum(self.sizes) > self.fails_after:
                raise KeyboardInterrupt
        if len(pairs) > self.memory:
            raise torch.OutOfMemoryError("CUDA out of memory")
        flows = np.stack([np.stack(pair) for pair in pairs])
        return flows if self.threads > 1 else torch.from_numpy(flows)


both_ways = pytest.mark.parametrize("workers", [1, 2])


def rows(frames: Frames, **status: str) -> list[dict]:
    return [{"id": v, "status": status.get(v, "ok"), "truth": ""} for v in frames.lengths]


def run(path, frames, estimator, gaps=GAPS, videos=None, **options):
    videos = rows(frames) if videos is None else videos
    with open_writer(path, provenance={"verb": "flow"}, key="k") as writer:
        extract(videos, frames, FlowProvider(estimator, **options), gaps, writer)
    return open_reader(path)


@both_ways
def test_every_pair_is_stored_and_every_frame_is_read_and_encoded_once(tmp_path, workers):
    frames = Frames({"a": 6, "b": 4})
    estimator = Difference(workers)
    reader = run(tmp_path / "s.zarr.zip", frames, estimator)
    assert set(frames.reads.values()) == {1}
    assert estimator.encoded == 6 + 4
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


def test_the_stores_bytes_depend_on_neither_batches_nor_threads_nor_order_of_gaps(tmp_path):
    frames = Frames({"a": 7, "b": 5})
    ways = [
        (Difference(), {}),
        (Difference(), {"batch_size": 1}),
        (Difference(), {"batch_size": 64, "gaps": GAPS[::-1]}),
        (Difference(workers=2), {}),
        (Difference(workers=5), {"gaps": GAPS[::-1]}),
    ]
    stores = [tmp_path / f"{number}.zarr.zip" for number in range(len(ways))]
    for store, (estimator, options) in zip(stores, ways, strict=True):
        run(store, frames, estimator, **options)
    assert {store.read_bytes() for store in stores} == {stores[0].read_bytes()}


@pytest.mark.parametrize("name", ["dis", "farneback"])
def test_opencvs_flow_depends_on_neither_threads_nor_shard(tmp_path, name, monkeypatch):
    frames = Frames({"a": 7, "b": 5})
    estimator = estimators.create(FlowSource(estimator=name, preset="ultrafast"))
    threads = 1
    monkeypatch.setattr(type(estimator), "workers", property(lambda _: threads))
    run(tmp_path / "1.zarr.zip", frames, estimator)
    threads = 3
    run(tmp_path / "3.zarr.zip", frames, estimator)
    assert (tmp_path / "1.zarr.zip").read_bytes() == (tmp_path / "3.zarr.zip").read_bytes()
    whole = open_reader(tmp_path / "1.zarr.zip")
    part = run(tmp_path / "p.zarr.zip", frames, estimator, gaps=(1,), videos=rows(frames)[1:])
    for t in part.frames_with_flow("b", 1):
        np.testing.assert_array_equal(part.read("b", 1, t), whole.read("b", 1, t))


@both_ways
def test_a_run_that_was_killed_goes_on_pair_by_pair(tmp_path, workers, monkeypatch):
    frames = Frames({"a": 6, "b": 6, "c": 6})
    path = tmp_path / "s.zarr.zip"
    pairs = 3 * sum(6 - abs(gap) for gap in GAPS)
    written = []
    write = FlowPart.write

    def recorded(part, t, steps, saturated=0):
        write(part, t, steps, saturated)
        written.append((part.info.video, part.info.gap, t))

    monkeypatch.setattr(FlowPart, "write", recorded)
    with pytest.raises(KeyboardInterrupt):
        run(path, frames, Difference(workers, fails_after=27))
    assert not path.exists()
    assert 6 <= len(written) <= 27
    staged = len(written)
    frames.reads.clear()
    second = Difference(workers)
    run(path, frames, second)
    assert sum(second.sizes) == pairs - staged
    assert len(set(written)) == len(written) == pairs
    assert "a" not in {video for video, _ in frames.reads} or staged < 18
    run(tmp_path / "t.zarr.zip", frames, Difference())
    assert path.read_bytes() == (tmp_path / "t.zarr.zip").read_bytes()


@both_ways
def test_only_frames_that_missing_pairs_need_are_read(tmp_path, workers):
    frames = Frames({"a": 9})
    path = tmp_path / "s.zarr.zip"
    with pytest.raises(ZeroDivisionError), open_writer(path, provenance={}, key="k") as writer:
        extract(rows(frames), frames, FlowProvider(Difference(workers)), (1,), writer)
        part = writer.part("a", 3, 9, (24, 32))
        for t in (0, 1, 3, 4):  # 2 and 5 are missing
            part.add(t, np.zeros((2, 24, 32), np.float32))
        raise ZeroDivisionError
    frames.reads.clear()
    estimator = Difference(workers)
    assert run(path, frames, estimator, gaps=(1, 3)).gaps("a") == [1, 3]
    assert sum(estimator.sizes) == 2
    assert frames.reads == {("a", t): 1 for t in (2, 5, 8)}


@both_ways
def test_a_video_that_fails_is_left_out_and_named_and_the_others_go_on(tmp_path, caplog, workers):
    frames = Frames({"a": 4, "bad": 4, "c": 2, "gone": 4}, broken=("bad",))
    videos = rows(frames, gone="left_out")
    reader = run(tmp_path / "s.zarr.zip", frames, Difference(workers), videos=videos)
    assert reader.videos == ["a", "c"]
    assert reader.gaps("c") == [-1, 1]
    assert reader.provenance["left_out"] == [
        {"video": "c", "gaps": [-2, 2], "reason": "it has only 2 frames"},
        {
            "video": "bad",
            "gaps": [-2, -1, 1, 2],
            "reason": "frames.zarr.zip: frame 2 of 'bad' cannot be read",
            "files": "as bad was",
        },
    ]
    assert "bad, gaps [-2, -1, 1, 2]: left out: frames.zarr.zip: frame 2 of 'bad'" in caplog.text


@both_ways
@pytest.mark.parametrize("stage", ["encode", "estimate_pairs"])
def test_a_video_that_the_estimator_refuses_is_left_out(tmp_path, workers, stage, monkeypatch):
    estimator = Difference(workers)
    accepted = getattr(estimator, stage)
    calls = []

    def refuse(*arguments):
        calls.append(1)
        if len(calls) == 1:
            raise UserError("frames of 24x32 are too small")
        return accepted(*arguments)

    monkeypatch.setattr(estimator, stage, refuse)
    frames = Frames({"a": 4, "b": 4})
    reader = run(tmp_path / "s.zarr.zip", frames, estimator)
    assert reader.videos == ["b"]
    (item,) = reader.provenance["left_out"]
    assert (item["video"], item["reason"]) == ("a", "frames of 24x32 are too small")


def test_when_every_video_fails_there_is_no_store(tmp_path):
    frames = Frames({"x": 4, "y": 4}, broken=("x", "y"))
    path = tmp_path / "s.zarr.zip"
    with pytest.raises(UserError, match=r"none of 2 videos gave any flow; the first, x: frames"):
        run(path, frames, Difference())
    assert not path.exists()


def run_shard(path, frames, estimator):
    with open_writer(path, provenance={}, key="k") as writer:
        extract(rows(frames), frames, FlowProvider(estimator), GAPS, writer, may_be_empty=True)
    return open_reader(path)


@both_ways
def test_a_shard_of_damaged_videos_is_an_empty_store_that_says_why(tmp_path, workers, caplog):
    """One such video, alone in the last shard, does not stop the videos of all others."""
    frames = Frames({"x": 4, "y": 4}, broken=("x", "y"))
    reader = run_shard(tmp_path / "s.zarr.zip", frames, Difference(workers))
    assert reader.videos == []
    left_out = reader.provenance["left_out"]
    assert [item["video"] for item in left_out] == ["x", "y"]
    assert all("cannot be read" in item["reason"] for item in left_out)
    assert "none of 2 videos gave any flow" in caplog.text


def test_a_shard_that_the_estimator_refuses_is_no_empty_store(tmp_path, monkeypatch):
    """It would refuse all shards, one after the other."""
    estimator, path = Difference(), tmp_path / "s.zarr.zip"

    def refuse(*_):
        raise UserError("frames of 24x32 are too small")

    monkeypatch.setattr(estimator, "encode", refuse)
    with pytest.raises(UserError, match="none of 2 videos gave any flow"):
        run_shard(path, Frames({"x": 4, "y": 4}, broken=("x",)), estimator)
    assert not path.exists()


def test_a_shard_without_usable_videos_is_an_empty_store(tmp_path, caplog):
    frames = Frames({"a": 4})
    videos = rows(frames, a="left_out")
    assert run(tmp_path / "s.zarr.zip", frames, Difference(), videos=videos).videos == []
    assert "none of the shard's 1 videos is usable" in caplog.text


@both_ways
@pytest.mark.parametrize("error", [OSError(28, "No space left"), StoreError("staged: damaged")])
def test_an_error_of_a_writing_thread_stops_all(tmp_path, monkeypatch, workers, error):
    """Even one that would leave a video out if reading its frames raised it."""
    frames = Frames({"a": 40, "b": 4})
    estimator = Difference(workers)

    def write(*_):
        raise error

    monkeypatch.setattr(FlowPart, "write", write)
    with pytest.raises(type(error), match=str(error.args[-1])):
        run(tmp_path / "s.zarr.zip", frames, estimator)
    assert sum(estimator.sizes) < 40
    assert not (tmp_path / "s.zarr.zip").exists()


def test_batches_are_halved_when_the_gpus_memory_does_not_suffice(tmp_path, caplog):
    frames = Frames({"a": 8})
    estimator = Difference(memory=2)
    reader = run(tmp_path / "s.zarr.zip", frames, estimator, gaps=(1,), batch_size=6)
    assert estimator.sizes == [6, 3, 2, 2, 2, 1]
    assert "does not suffice for 6 pairs; now 3" in caplog.text
    expected = frames.read("a", 4)[:, :, 0] / 255
    np.testing.assert_allclose(reader.read("a", 1, 4)[0], expected, atol=1 / 64 + 1e-6)


def test_the_batch_is_what_the_estimator_finds_suitable_for_the_size(tmp_path, monkeypatch):
    estimator, asked = Difference(), []

    def suitable(height, width):
        asked.append((height, width))
        return 5

    monkeypatch.setattr(estimator, "suitable_batch", suitable)
    run(tmp_path / "s.zarr.zip", Frames({"a": 8, "b": 4}), estimator)
    assert asked == [(24, 32)]
    assert estimator.sizes == [5, 5, 5, 5, 5, 1, 5, 5]


def test_a_gpu_too_small_for_one_pair_is_said(tmp_path):
    with pytest.raises(UserError, match="does not suffice for one pair of frames of 24x32"):
        run(tmp_path / "s.zarr.zip", Frames({"a": 3}), Difference(memory=0))


class Shift(Difference):
    """u says by how much frames are apart; lies about the flow back in the left half."""

    def encode(self, frames):
        return [np.float32(frame[0, 0, 0]) for frame in frames]

    def estimate_pairs(self, pairs):
        self.sizes.append(len(pairs))
        flows = np.zeros((len(pairs), 2, 24, 32), np.float32)
        for flow, (first, second) in zip(flows, pairs, strict=True):
            flow[0] = second - first
            if second < first:
                flow[0, :, :16] = 5
        return flows if self.threads > 1 else torch.from_numpy(flows)


@both_ways
def test_inconsistent_pixels_have_no_value_and_each_direction_is_estimated_once(tmp_path, workers):
    class Numbered(Frames):
        def read(self, video, t):
            return np.full((24, 32, 3), t, np.uint8)

    frames = Numbered({"a": 6})
    estimator = Shift(workers)
    reader = run(tmp_path / "s.zarr.zip", frames, estimator, gaps=(-1, 1, 2), consistency=True)
    assert sum(estimator.sizes) == 2 * 5 + 2 * 4  # of gap -2 only for the check
    assert reader.gaps("a") == [-1, 1, 2]
    for gap in (1, 2):
        u = reader.read("a", gap, 1)[0]
        # Of what starts at x it is known whether x + gap lies in the honest half of the flow back.
        assert np.isnan(u[:, : 16 - gap]).all()
        assert (u[:, 16 : 32 - gap] == gap).all()
        assert np.isnan(u[:, 32 - gap :]).all()
    back = reader.read("a", -1, 3)[0]
    assert np.isnan(back[:, :16]).all()
    assert (back[:, 16:] == -1).all()
    assert reader.statistics("a", -1)["invalid"] == 5 * 24 * 16


@both_ways
def test_consistent_flow_is_the_same_whatever_the_batch_and_a_resumed_half(tmp_path, workers):
    frames = Frames({"a": 6})
    dis = estimators.create(FlowSource(estimator="dis", preset="ultrafast"))
    dis_workers = property(lambda _: workers)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(dis), "workers", dis_workers)
        run(tmp_path / "0.zarr.zip", frames, dis, consistency=True, batch_size=1)
        path = tmp_path / "1.zarr.zip"
        with pytest.raises(ZeroDivisionError), open_writer(path, provenance={}, key="k") as writer:
            provider = FlowProvider(dis, consistency=True)
            extract(rows(frames), frames, provider, (1, 2), writer)
            raise ZeroDivisionError
        reader = run(path, frames, dis, consistency=True, batch_size=7)
    before = open_reader(tmp_path / "0.zarr.zip")
    for gap in GAPS:
        for t in reader.frames_with_flow("a", gap):
            np.testing.assert_array_equal(reader.read("a", gap, t), before.read("a", gap, t))


def test_what_is_there_already_is_said(tmp_path, caplog):
    frames = Frames({"a": 5})
    path = tmp_path / "s.zarr.zip"
    with pytest.raises(ZeroDivisionError), open_writer(path, provenance={}, key="k") as writer:
        extract(rows(frames), frames, FlowProvider(Difference()), (1,), writer)
        raise ZeroDivisionError
    with caplog.at_level(logging.INFO):
        run(path, frames, Difference(), gaps=(-1, 1))
    assert "4 of 8 pairs are there already, from a run before" in caplog.text
    assert "flow (pairs): 8/8" in caplog.text


def test_a_networks_stored_flow_is_what_it_estimates_of_each_pair_alone(tmp_path):
    """Encoded once and estimated in batches over all gaps."""
    texture = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    texture = cv2.resize(texture, (256, 192), interpolation=cv2.INTER_CUBIC)

    class Moving(Frames):
        def size(self, video):
            return 128, 160

        def read(self, video, t):
            return np.ascontiguousarray(texture[t : 128 + t, 3 * t : 160 + 3 * t])

    frames = Moving({"a": 4})
    source = FlowSource(estimator="raft_small", weights="random", iterations=1)
    network = estimators.create(source)
    reader = run(tmp_path / "s.zarr.zip", frames, network, batch_size=4)
    for gap in GAPS:
        for t in reader.frames_with_flow("a", gap):
            pair = np.stack([frames.read("a", s) for s in (t, t + gap)])
            alone = network.estimate(torch.from_numpy(pair).permute(0, 3, 1, 2)[None])[0]
            np.testing.assert_allclose(reader.read("a", gap, t), alone, atol=1 / 64 + 1e-4)
