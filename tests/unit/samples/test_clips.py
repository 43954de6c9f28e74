"""Clips of videos: which frames they have, and what is read of them."""

from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest

from commonfate.base import parquet
from commonfate.base.errors import StoreError
from commonfate.datasets.settings import DavisConfig, ImagesConfig
from commonfate.samples import index
from commonfate.samples.build import build
from commonfate.samples.clips import drawn, step
from commonfate.samples.kinds import KINDS
from commonfate.samples.reader import SampleDataset
from commonfate.samples.sampler import SampleKey
from commonfate.storage.frames import FrameWriter

SEEDS = range(200)


def choice(frames=4, spacing_s=0.5, sampling="interval"):
    return SimpleNamespace(
        learns_from="clips", frames=frames, spacing_s=spacing_s, sampling=sampling
    )


@pytest.mark.parametrize(
    ("spacing_s", "fps", "expected"),
    [
        (0.5, 6, 3),
        (0.5, 24, 12),
        (0.5, 29.97, 15),
        (0.2, 6, 1),  # 1.2 frames
        (0.5, 5, 3),  # 2.5 frames: a half is rounded up, also of even numbers
        (0.5, 3, 2),
        (0.5, 1, 1),  # frames a second are not known, and count as 1
        (0.1, 1, 1),
    ],
)
def test_the_spacing_is_rounded_to_whole_frames(spacing_s, fps, expected):
    assert step(spacing_s, fps) == expected


def test_a_clip_at_an_interval_starts_anywhere_where_it_ends_inside():
    """Four frames, three apart, in a video of 12: starts 0, 1 and 2."""
    clips = Counter(tuple(drawn(12, 6.0, choice(), seed)) for seed in SEEDS)
    assert set(clips) == {(0, 3, 6, 9), (1, 4, 7, 10), (2, 5, 8, 11)}
    assert min(clips.values()) > 40


def test_a_uniform_clip_has_any_frames_in_order():
    clips = Counter(tuple(drawn(5, 6.0, choice(3, sampling="uniform"), seed)) for seed in SEEDS)
    assert len(clips) == 10  # 5 over 3
    assert all(list(clip) == sorted(set(clip)) for clip in clips)


@pytest.mark.parametrize(
    ("length", "expected"),
    [(10, [0, 3, 6, 9]), (9, [0, 3, 6, 8]), (5, [0, 3, 4, 4]), (2, [0, 1, 1, 1]), (1, [0] * 4)],
)
def test_a_video_shorter_than_its_clip_repeats_its_last_frame(length, expected):
    assert drawn(length, 6.0, choice(), 5) == expected


def test_a_uniform_clip_of_a_short_video_draws_frames_again():
    clips = {tuple(drawn(2, 6.0, choice(sampling="uniform"), seed)) for seed in SEEDS}
    assert clips == {(0,) * 4, (0, 0, 0, 1), (0, 0, 1, 1), (0, 1, 1, 1), (1,) * 4}
    assert drawn(1, 6.0, choice(sampling="uniform"), 3) == [0] * 4


@pytest.mark.parametrize("sampling", ["interval", "uniform"])
def test_a_clip_of_one_frame_is_any_frame(sampling):
    settings = choice(frames=1, sampling=sampling)
    assert {tuple(drawn(3, 6.0, settings, seed)) for seed in SEEDS} == {(0,), (1,), (2,)}


@pytest.fixture
def toy(make_shard, make_manifest):
    """A video of seven frames at ten a second, and one of a single frame."""
    frames, _ = make_shard("toy", 0, {"a": 7, "b": 1})
    return make_manifest("toy", [("a", "train", 0, ""), ("b", "train", 0, "")]), frames


@pytest.fixture
def read(tmp_path):
    """Write an index and read it: `read(manifest, frames)`."""

    def through_a_file(manifest, frames):
        table, record = build([manifest], [frames], [], "all", "clips")
        parquet.write(tmp_path / "index.parquet", table, record)
        return index.read(tmp_path / "index.parquet")

    return through_a_file


def test_every_video_is_one_sample(toy, read):
    samples = read(*toy).samples
    assert [(s.video, s.t, s.gaps, s.learns_from) for s in samples] == [
        ("a", 0, (0,), "clips"),
        ("b", 0, (0,), "clips"),
    ]
    _, record = build([toy[0]], [toy[1]], [], "all", "clips")
    counts = {"used": 2, "without_clips": 0, "left_out": 0, "reasons": {}}
    assert record["videos"] == {"toy": counts}


def test_its_frames_are_read_in_order(toy, read, raw):
    """Two frames, 0.3 s apart at ten frames a second; pixels of frame t are t."""
    method = raw("clips")
    method.settings = choice(frames=2, spacing_s=0.3)
    dataset, starts = SampleDataset(read(*toy).samples, method), set()
    for seed in SEEDS[:40]:
        example = dataset[SampleKey(0, 0, True, seed)]
        start = int(example["frame"][0, 0, 0])
        starts.add(start)
        assert example["clip"].shape == (2, 8, 12, 3)
        assert [frame.max() for frame in example["clip"]] == [start, start + 3]
        assert (example["flip"], example["seed"]) == (True, seed)
    assert starts == {0, 1, 2, 3}
    single = dataset[SampleKey(1, 0, False, 0)]
    assert np.array_equal(single["clip"], np.stack([single["frame"]] * 2))


def test_the_digest_tells_frame_rates_apart(tmp_path, make_manifest, read):
    """The same frames at another rate make other clips."""
    manifest, digests = make_manifest("toy", [("a", "train", 0, "")]), set()
    for fps in (6.0, 30.0):
        path = tmp_path / "frames.zarr.zip"
        path.unlink(missing_ok=True)
        with FrameWriter(path) as writer:
            writer.add_video("a", iter(np.zeros((4, 8, 8, 3), np.uint8)), [0.0] * 4, fps)
        digests.add(read(manifest, path).digest)
    assert len(digests) == 2


def test_a_frame_that_is_gone_is_named(tmp_path, make_manifest, read, raw):
    import cv2

    files = [tmp_path / f"{t}.png" for t in range(3)]
    for t, file in enumerate(files):
        cv2.imwrite(str(file), np.full((4, 6, 3), t, np.uint8))
    with FrameWriter(tmp_path / "toy.zarr.zip") as writer:
        writer.add_files("a", files, (4, 6), 1.0)
    samples = read(make_manifest("toy", [("a", "train", 0, "")]), tmp_path / "toy.zarr.zip").samples
    method = raw("clips")
    method.settings = choice(frames=3)
    files[2].unlink()
    with pytest.raises(StoreError, match=r"2\.png: video 'a', frame 2 cannot be read"):
        SampleDataset(samples, method)[SampleKey(0, 0, False, 0)]


def test_videos_offer_them_and_images_do_not():
    kind = KINDS["clips"]
    assert kind.is_offered_by(DavisConfig(root="."))
    assert not kind.is_offered_by(ImagesConfig(root="."))
    assert not kind.supervised and not kind.has_flow
