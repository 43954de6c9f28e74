"""Samples that are frames with a class for each pixel."""

import numpy as np
import pytest
from PIL import Image

from commonfate.base import parquet
from commonfate.base.errors import StoreError, UserError
from commonfate.samples import index
from commonfate.samples.build import build
from commonfate.samples.reader import SampleDataset
from commonfate.samples.sampler import SampleKey

KEY = SampleKey(1, 0, True, 9)
VIDEOS = [("a", "train", 0, ""), ("b", "train", 0, ""), ("c", "val", 0, "")]


def labels(size=(8, 12)):
    """A map of classes with void."""
    return np.where(np.arange(size[0] * size[1]) < 20, 255, 3).astype(np.uint8).reshape(size)


@pytest.fixture
def toy(tmp_path, make_shard, make_manifest):
    """Frames 0 and 2 of video a and the still image c have classes, b has none."""
    files = {name: str(tmp_path / f"{name}.png") for name in ("a0", "a2", "c0")}
    for file in files.values():
        Image.fromarray(labels()).save(file)
    frames, _ = make_shard("toy", 0, {"a": 3, "b": 2, "c": 1})
    annotations = {"a": [files["a0"], "", files["a2"]], "c": [files["c0"]]}
    return make_manifest("toy", VIDEOS, annotations), frames, files


@pytest.fixture
def made(toy, tmp_path):
    """Make the index of a split and read it."""

    def make(split="train"):
        table, metadata = build([toy[0]], [toy[1]], [], split, "labels")
        parquet.write(tmp_path / "index.parquet", table, metadata)
        return index.read(tmp_path / "index.parquet"), metadata

    return make


def test_a_sample_for_every_frame_that_has_classes(made, toy):
    result, metadata = made()
    files, frames = toy[2], str(toy[1])
    assert result.samples == (
        index.Sample("toy", "a", 0, (0,), frames, "", files["a0"], "classes", "labels"),
        index.Sample("toy", "a", 2, (0,), frames, "", files["a2"], "classes", "labels"),
    )
    assert {sample.learns_from for sample in result.samples} == {"labels"}
    counts = {"used": 1, "without_labels": 1, "left_out": 0, "reasons": {}}
    assert metadata["videos"] == {"toy": counts}


def test_still_images_are_samples(made):
    (sample,) = made("val")[0].samples
    assert (sample.video, sample.t) == ("c", 0)


def test_frame_and_classes_belong_together(made, raw):
    result = SampleDataset(made()[0].samples, raw("labels"))[KEY]
    assert (result["frame"] == 2).all()  # video a, frame 2
    np.testing.assert_array_equal(result["labels"], labels())
    assert result["labels"].dtype == np.uint8
    assert (result["flip"], result["seed"]) == (True, 9)
    assert result["flow"] is None and result["other"] is None


def test_labels_are_read_as_their_kind_says(made, toy, raw):
    """Object 3 is of class 7, as YouTube-VOS's category numbers say; void stays."""
    first, _ = made()
    table = parquet.read(toy[0])
    kinds = table["annotation_kind"].replace("classes", "objects:5.6.7")
    parquet.write(toy[0], table.assign(annotation_kind=kinds), parquet.provenance(toy[0]))
    second, metadata = made()
    assert metadata["videos"]["toy"]["used"] == 1 and second.digest != first.digest
    result = SampleDataset(second.samples, raw("labels"))[KEY]
    np.testing.assert_array_equal(result["labels"], np.where(labels() == 3, 7, 255))


def test_an_index_of_an_earlier_version_holds_classes(made, tmp_path):
    first, metadata = made()
    table = parquet.read(tmp_path / "index.parquet").drop(columns="file_kind")
    parquet.write(tmp_path / "index.parquet", table, metadata)
    second = index.read(tmp_path / "index.parquet")
    assert (second.samples, second.digest) == (first.samples, first.digest)


def test_the_digest_covers_the_bytes_of_the_label_files(made, toy):
    first = made()[0].digest
    assert made()[0].digest == first
    changed = labels()
    changed[0, 0] = 0
    Image.fromarray(changed).save(toy[2]["a2"])
    assert made()[0].digest != first
    Image.fromarray(labels()).save(toy[2]["a2"])
    assert made()[0].digest == first


def test_annotations_of_another_kind_are_no_labels(make_manifest, toy):
    manifest = make_manifest("toy", VIDEOS, {"a": [toy[2]["a0"]] * 3}, "instances")
    expected = "3 have no labels; give a data set whose annotations are classes"
    with pytest.raises(UserError, match=expected):
        build([manifest], [toy[1]], [], "all", "labels")


def test_a_label_file_that_is_not_there_when_it_is_hashed(made, toy):
    (toy[1].parents[2] / "a2.png").unlink()
    with pytest.raises(StoreError, match=r"a2\.png: cannot be read \(No such file or directory\)"):
        made()


def test_labels_of_another_size_than_the_frame(made, toy, raw):
    dataset = SampleDataset(made()[0].samples, raw("labels"))
    Image.fromarray(labels((8, 10))).save(toy[2]["a2"])
    expected = r"a2\.png: is 10x8, but toy/a frame 2 of .*0000\.zarr\.zip is 12x8; copy"
    with pytest.raises(StoreError, match=expected):
        dataset[KEY]
