"""Samples that are pairs of frames: which there are, and what is read of them."""

import pytest

from commonfate.base import parquet
from commonfate.base.errors import ConfigError, StoreError, UserError
from commonfate.samples import index
from commonfate.samples.build import build
from commonfate.samples.reader import SampleDataset
from commonfate.samples.sampler import SampleKey
from commonfate.storage.frames import FrameWriter


def pairs(manifest, frames, *gaps):
    """The index of pairs of the data set `toy`, and its provenance."""
    return build([manifest], [frames], [], "all", "pairs", {"toy": gaps})


@pytest.fixture
def toy(make_shard, make_manifest):
    """A video of four frames, one of two, and a still image."""
    frames, _ = make_shard("toy", 0, {"a": 4, "b": 2, "c": 1})
    return make_manifest("toy", [(video, "train", 0, "") for video in "abc"]), frames


@pytest.fixture
def read(tmp_path):
    """Write an index and read it: `read(table, facts)`."""

    def through_a_file(table, metadata):
        parquet.write(tmp_path / "index.parquet", table, metadata)
        return index.read(tmp_path / "index.parquet")

    return through_a_file


def test_a_video_of_n_frames_has_n_minus_gap_pairs(toy):
    """Each pair once, and none of a still image."""
    table, metadata = pairs(*toy, 1)
    result = [(row.video, row.t, list(row.gaps)) for row in table.itertuples()]
    assert result == [("a", 0, [1]), ("a", 1, [1]), ("a", 2, [1]), ("b", 0, [1])]
    assert set(table["frame_store"]) == {str(toy[1])}
    assert set(table["flow_store"]) == set(table["file"]) == {""}
    counts = {"used": 2, "without_pairs": 1, "left_out": 0, "reasons": {}}
    assert metadata["videos"] == {"toy": counts}
    assert metadata["settings"] == {"split": "all", "learns_from": "pairs", "gaps": {"toy": [1]}}


def test_of_several_gaps_each_frame_has_those_that_stay_in_the_video(toy):
    table, _ = pairs(*toy, 3, 1)
    result = [(row.video, row.t, list(row.gaps)) for row in table.itertuples()]
    assert result == [("a", 0, [1, 3]), ("a", 1, [1]), ("a", 2, [1]), ("b", 0, [1])]


def test_data_sets_have_gaps_of_their_own(make_shard, make_manifest):
    given = {name: make_shard(name, 0, {"a": 3})[0] for name in ("one", "two")}
    manifests = [make_manifest(name, [("a", "train", 0, "")]) for name in given]
    gaps, owners = {"one": (1,), "two": (2,)}, {path: name for name, path in given.items()}
    table, _ = build(manifests, list(given.values()), [], "all", "pairs", gaps, owners)
    result = [(row.dataset, row.t, list(row.gaps)) for row in table.itertuples()]
    assert result == [("one", 0, [1]), ("one", 1, [1]), ("two", 0, [2])]


def test_still_images_and_short_videos_leave_no_pair(toy):
    expected = "no sample in split 'all': 0 videos were left out .*, 3 have no pairs; use longer"
    with pytest.raises(UserError, match=expected):
        pairs(*toy, 4)


def test_both_frames_are_read(toy, read, raw):
    samples = read(*pairs(*toy, 1, 2)).samples
    assert {sample.learns_from for sample in samples} == {"pairs"}
    result = SampleDataset(samples, raw("pairs"))[SampleKey(1, 2, True, 5)]
    assert result["frame"].shape == result["other"].shape == (8, 12, 3)
    assert (result["frame"] == 1).all() and (result["other"] == 3).all()
    assert (result["flip"], result["seed"]) == (True, 5)
    assert result["flow"] is None and result["labels"] is None


def test_frames_that_are_read_in_place(tmp_path, make_manifest, read, raw):
    """The second one is gone when it is needed: the message names it."""
    import cv2
    import numpy as np

    files = [tmp_path / f"{t}.png" for t in range(2)]
    for t, file in enumerate(files):
        cv2.imwrite(str(file), np.full((4, 6, 3), t, np.uint8))
    with FrameWriter(tmp_path / "toy.zarr.zip") as writer:
        writer.add_files("a", files, (4, 6), 24.0)
    manifest = make_manifest("toy", [("a", "train", 0, "")])
    dataset = SampleDataset(
        read(*pairs(manifest, tmp_path / "toy.zarr.zip", 1)).samples, raw("pairs")
    )
    assert (dataset[SampleKey(0, 1, False, 0)]["other"] == 1).all()
    files[1].unlink()
    with pytest.raises(StoreError, match=r"1\.png: video 'a', frame 1 cannot be read"):
        dataset[SampleKey(0, 1, False, 0)]


def test_a_sample_that_cannot_be_learnt_from_is_named(toy, read, raw):
    method = raw("pairs")

    def refuse(example):
        raise UserError(f"a frame of {example.frame.shape[0]} lines is too small")

    method.prepare = refuse
    dataset = SampleDataset(read(*pairs(*toy, 1)).samples, method)
    with pytest.raises(UserError, match=r"^toy/a frame 2: a frame of 8 lines is too small$"):
        dataset[SampleKey(2, 1, False, 0)]


def test_a_method_that_learns_from_something_else(toy, read, raw):
    samples = read(*pairs(*toy, 1)).samples
    expected = (
        r"^toy/a frame 0 is a sample with pairs, but the method learns from flow; index its "
        r"samples with `commonfate samples --learns-from flow`$"
    )
    with pytest.raises(ConfigError, match=expected):
        SampleDataset(samples, raw("flow"))


def test_the_digest_tells_gaps_apart(toy, read):
    assert read(*pairs(*toy, 1)).digest == read(*pairs(*toy, 1)).digest
    assert read(*pairs(*toy, 1)).digest != read(*pairs(*toy, 1, 3)).digest
