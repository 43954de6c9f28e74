"""A sample of a second index beside each, and orders that draw a video before a frame."""

from collections import Counter
from types import SimpleNamespace

import pytest

from commonfate.base.errors import ConfigError
from commonfate.samples.index import Sample
from commonfate.samples.reader import SampleDataset
from commonfate.samples.sampler import Batches, Pool, SampleKey, batch
from commonfate.training.data import SampleData

LENGTHS = {"a": 1, "b": 3, "c": 8}
FRAMES = [Sample("toy", v, t, (-1, 1), "f", "w") for v, n in LENGTHS.items() for t in range(n)]
IMAGES = [Sample("photos", f"p{n}", 0, (0,), "g", learns_from="frames") for n in range(5)]


def videos(keys):
    return [FRAMES[key.index].video for key in keys]


def test_every_video_once_an_epoch_and_any_of_its_frames():
    pool = Pool(FRAMES, "videos")
    drawn = [batch(pool, 0, iteration, 3, True) for iteration in range(400)]
    assert all(sorted(videos(keys)) == ["a", "b", "c"] for keys in drawn)
    assert len({tuple(videos(keys)) for keys in drawn}) == 6
    frames = Counter(FRAMES[key.index].t for keys in drawn for key in keys[:3] if key.index > 3)
    # 400 draws of 8 frames: a standard deviation of 6.6; five of them are allowed.
    assert sorted(frames) == list(range(8))
    assert all(abs(count - 50) < 5 * 6.6 for count in frames.values())


def test_any_video_has_the_same_chance_however_long_it_is():
    drawn = [batch(Pool(FRAMES, "any_video"), 0, iteration, 3, True) for iteration in range(400)]
    counts = Counter(name for keys in drawn for name in videos(keys))
    # 1200 draws of 3 videos: a standard deviation of 16; five of them are allowed.
    assert all(abs(count - 400) < 5 * 16.3 for count in counts.values())
    assert any(len(set(videos(keys))) < 3 for keys in drawn)  # with replacement


def test_videos_of_one_name_in_two_data_sets_are_two():
    twins = [Sample(name, "a", 0, (1,), "f") for name in ("one_set", "other_set")]
    keys = batch(Pool(twins, "videos"), 0, 0, 2, False)
    assert sorted(key.index for key in keys) == [0, 1]


def test_each_sample_has_another_beside_it_drawn_by_itself():
    alone = [batch(FRAMES, 0, iteration, 4, True) for iteration in range(10)]
    pairs = [batch(FRAMES, 0, iteration, 4, True, Pool(IMAGES)) for iteration in range(10)]
    for keys, both in zip(alone, pairs, strict=True):
        assert [(key.index, key.gap, key.flip, key.seed) for key in keys] == [
            (key.index, key.gap, key.flip, key.seed) for key in both
        ]
    others = [key.beside for keys in pairs for key in keys]
    assert [other.gap for other in others] == [0] * 40
    for epoch in range(8):
        drawn = [other.index for other in others[epoch * 5 : epoch * 5 + 5]]
        assert sorted(drawn) == list(range(5))
    seeds = [key.seed for keys in pairs for key in keys] + [other.seed for other in others]
    assert len(set(seeds)) == 80
    assert {other.flip for other in others} == {True, False}


@pytest.mark.parametrize("order", ["samples", "videos", "any_video"])
def test_resumed_and_shared_batches_are_those_of_an_unbroken_training(order):
    pool, beside = Pool(FRAMES, order), Pool(IMAGES)
    whole = list(Batches(pool, 3, 4, True, 0, 6, beside=beside))
    assert list(Batches(pool, 3, 4, True, 2, 6, beside=beside)) == whole[2:]
    parts = [list(Batches(pool, 3, 4, True, 0, 6, rank, 2, beside)) for rank in range(2)]
    assert [[*first, *second] for first, second in zip(*parts, strict=True)] == [
        [*keys[::2], *keys[1::2]] for keys in whole
    ]


def test_the_reader_reads_both(make_shard, raw):
    frames, flow = make_shard("toy", 0, {"b": 3})
    photos, _ = make_shard("photos", 0, {"e": 1}, size=(4, 6))
    own = [Sample("toy", "b", 1, (1,), str(frames), str(flow))]
    beside = [Sample("photos", "e", 0, (0,), str(photos), learns_from="frames")]
    key = SampleKey(0, 1, True, 7, SampleKey(0, 0, False, 8))
    example = SampleDataset(own, raw("flow"), beside)[key]
    assert (example["frame"] == 11).all()
    assert example["flow"][0] == pytest.approx(1.1, abs=0.02)
    other = example["beside"]
    assert other.frame.shape == (4, 6, 3)
    assert (other.frame == 40).all()
    assert (example["flip"], example["seed"], other.flip, other.seed) == (True, 7, False, 8)
    assert other.flow is other.beside is None
    assert SampleDataset(own, raw("flow"))[SampleKey(0, 1, True, 7)]["beside"] is None


def method(learns_beside):
    settings = SimpleNamespace(
        method="toy", learns_from="flow", learns_beside=learns_beside, order="samples"
    )
    return SimpleNamespace(settings=settings)


@pytest.mark.parametrize(
    ("learns_beside", "beside", "message"),
    [
        (None, IMAGES, "--beside: toy with these settings learns from one index alone; leave"),
        ("frames", [], "method toy learns from two samples at a time; name .* --beside; make it"),
        ("frames", FRAMES, "--beside: toy/a frame 0 is a sample with flow, but .* from frames;"),
    ],
)
def test_method_and_second_index_that_do_not_fit(learns_beside, beside, message):
    with pytest.raises(ConfigError, match=message):
        SampleData(method(learns_beside), FRAMES, beside)


def test_a_message_names_both_samples():
    data = SampleData(method("frames"), FRAMES, IMAGES)
    data._settings.batch_size, data._settings.flip = 2, False
    key = batch(FRAMES, 0, 0, 2, False, Pool(IMAGES))[0]
    sample, other = FRAMES[key.index], IMAGES[key.beside.index]
    assert f"{sample} gap {key.gap} beside {other}, " in data.describe(0, 0)
