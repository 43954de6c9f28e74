"""The index of samples: which frames are in it, in which order, and what it says of the rest."""

import cv2
import numpy as np
import pandas as pd
import pytest

from commonfate.base import parquet
from commonfate.base.errors import StoreError, UserError
from commonfate.samples import index
from commonfate.samples.build import build
from commonfate.storage.frames import FrameWriter

ROWS = [("b", "train", 0, ""), ("a", "val", 0, ""), ("bad", "train", 0, "truncated")]


@pytest.fixture
def toy(make_shard, make_manifest):
    """Two videos in one shard, and a third that was left out."""
    frames, flow = make_shard("toy", 0, {"a": 3, "b": 4}, gaps=(-2, 1))
    return make_manifest("toy", ROWS), frames, flow


def test_a_row_for_every_frame_that_has_flow(toy):
    manifest, frames, flow = toy
    table, metadata = build([manifest], [frames], [flow], "all")
    result = [(row.dataset, row.video, row.t, list(row.gaps)) for row in table.itertuples()]
    assert result == [
        ("toy", "a", 0, [1]),
        ("toy", "a", 1, [1]),
        ("toy", "a", 2, [-2]),
        ("toy", "b", 0, [1]),
        ("toy", "b", 1, [1]),
        ("toy", "b", 2, [-2, 1]),
        ("toy", "b", 3, [-2]),
    ]
    assert set(table["frame_store"]) == {str(frames)}
    assert set(table["flow_store"]) == {str(flow)}
    assert set(table["file"]) == {""}
    assert set(table["shard"]) == {0}
    assert metadata["videos"]["toy"] == {
        "used": 2,
        "without_flow": 0,
        "left_out": 1,
        "reasons": {"truncated": 1},
        "left_out_of_flow": {},
    }
    assert set(metadata["inputs"]) == {str(manifest), str(frames), str(flow)}


def test_a_split_is_only_its_videos(toy):
    manifest, frames, flow = toy
    table, metadata = build([manifest], [frames], [flow], "val")
    assert set(table["video"]) == {"a"}
    assert metadata["videos"]["toy"]["left_out"] == 0


def test_several_datasets_may_share_names_of_videos(make_shard, make_manifest):
    manifests, frames, flow, owners = [], [], [], {}
    for dataset, shard, length in (("two", 0, 2), ("one", 3, 3)):
        shard_frames, shard_flow = make_shard(dataset, shard, {"a": length}, gaps=(1,))
        manifests.append(make_manifest(dataset, [("a", "train", shard, "")]))
        frames.append(shard_frames)
        flow.append(shard_flow)
        owners |= {shard_frames: dataset, shard_flow: dataset}
    table, _ = build(manifests, frames, flow, "all", owners=owners)
    assert table["dataset"].tolist() == ["one", "one", "two"]
    assert table["shard"].tolist() == [3, 3, 0]
    assert table["frame_store"].tolist() == [str(frames[1])] * 2 + [str(frames[0])]
    reordered, _ = build(manifests[::-1], frames, flow[::-1], "all", owners=owners)
    assert reordered.to_dict("list") == table.to_dict("list")


def test_what_has_no_flow_is_counted_and_excluded(make_shard, make_manifest):
    """A still image, which is never in a flow store, and a video that extraction gave up."""
    frames, flow = make_shard("toy", 0, {"a": 3, "b": 1, "c": 3}, left_out=("c",))
    manifest = make_manifest("toy", [(video, "train", 0, "") for video in "abc"])
    table, metadata = build([manifest], [frames], [flow], "all")
    assert set(table["video"]) == {"a"}
    assert metadata["videos"]["toy"]["used"] == 1 and metadata["videos"]["toy"]["without_flow"] == 2


def test_the_digest_is_of_the_frames_not_of_the_store_that_lists_them(
    make_shard, make_manifest, tmp_path
):
    _, flow = make_shard("toy", 0, {"a": 3})
    files = [tmp_path / f"{t}.png" for t in range(3)]
    for t, file in enumerate(files):
        cv2.imwrite(str(file), np.full((8, 12, 3), t, np.uint8))
    store = tmp_path / "frames" / "toy" / "in_place.zarr.zip"
    with FrameWriter(store) as writer:
        writer.add_files("a", files, (8, 12), 10.0)
    manifest = make_manifest("toy", [("a", "train", 0, "")])

    def digest():
        parquet.write(tmp_path / "index.parquet", *build([manifest], [store], [flow], "all"))
        return index.read(tmp_path / "index.parquet").digest

    before = digest()
    with FrameWriter(store, provenance={"time": "later"}) as writer:
        writer.add_files("a", files, (8, 12), 10.0)
    assert digest() == before
    cv2.imwrite(str(files[1]), np.full((8, 12, 3), 77, np.uint8))
    assert digest() != before


def test_samples_of_one_video(toy, tmp_path):
    manifest, frames, flow = toy
    parquet.write(tmp_path / "index.parquet", *build([manifest], [frames], [flow], "all"))
    result = index.read(tmp_path / "index.parquet")
    assert [sample.t for sample in result.of_video("b")] == [0, 1, 2, 3]
    assert {sample.video for sample in result.of_video("b")} == {"b"}
    assert result.of_video("nowhere") == ()


def test_tiff_flow_is_hashed_as_a_folder(make_shard, make_manifest):
    frames, flow = make_shard("toy", 0, {"a": 2}, container="tiff")
    manifest = make_manifest("toy", [("a", "train", 0, "")])
    _, metadata = build([manifest], [frames], [flow], "all")
    file = next(flow.rglob("*.tiff"))
    file.write_bytes(file.read_bytes() + b"\0")
    _, changed = build([manifest], [frames], [flow], "all")
    assert metadata["inputs"][str(flow)] != changed["inputs"][str(flow)]


def test_no_video_in_the_split_names_the_splits_there_are(make_shard, make_manifest):
    frames, flow = make_shard("toy", 0, {"a": 2})
    manifest = make_manifest("toy", [("a", "val", 0, "")])
    with pytest.raises(UserError, match=r"manifest\.parquet: no video in split 'train'; .* val;"):
        build([manifest], [frames], [flow], "train")


def test_videos_too_short_for_the_gaps_leave_no_sample(make_shard, make_manifest):
    frames, flow = make_shard("toy", 0, {"a": 2}, gaps=(4,))
    manifest = make_manifest("toy", [("a", "train", 0, ""), ("b", "train", 0, "empty")])
    with pytest.raises(
        UserError, match=r"no sample in split 'all': 1 videos were left out .*, 1 have no flow"
    ):
        build([manifest], [frames], [flow], "all")


def test_a_shard_that_was_not_given_is_missed(toy, make_shard):
    manifest, frames, _ = toy
    _, flow = make_shard("toy", 1, {"a": 3})
    with pytest.raises(UserError, match=r"video 'b' is usable, but in none of .*--flow"):
        build([manifest], [frames], [flow], "all")


def test_a_video_in_two_stores_is_refused(toy, make_shard):
    manifest, frames, flow = toy
    _, again = make_shard("toy", 1, {"a": 3})
    with pytest.raises(UserError, match=r"0001\.zarr\.zip: video 'a' is in .*0000\.zarr\.zip, too"):
        build([manifest], [frames], [flow, again], "all")


def test_reading_gives_back_the_rows_and_a_digest_of_the_data(toy, tmp_path, make_shard):
    manifest, frames, flow = toy
    path = tmp_path / "index.parquet"
    table, metadata = build([manifest], [frames], [flow], "val")
    parquet.write(path, table, metadata)
    first = index.read(path)
    assert first.samples[2] == index.Sample("toy", "a", 2, (-2,), str(frames), str(flow))
    assert first.samples[2].learns_from == "flow"
    assert str(first.samples[2]) == "toy/a frame 2"
    parquet.write(path, table, {**metadata, "time": "later"})
    assert index.read(path).digest == first.digest
    make_shard("toy", 0, {"a": 3, "b": 5}, gaps=(-2, 1))  # other bytes under the same path
    parquet.write(path, *build([manifest], [frames], [flow], "val"))
    assert index.read(path).samples == first.samples
    assert index.read(path).digest != first.digest


def test_the_digest_of_flow_samples_is_that_of_earlier_versions(tmp_path):
    """Runs that were begun on the same samples are resumed."""
    stores = ("frames/0000.zarr.zip", "flow/0000.zarr.zip")
    rows = [("toy", "a", t, gaps, *stores, 0, "", "flow") for t, gaps in ((0, [1]), (1, [-1, 1]))]
    path = tmp_path / "index.parquet"
    columns = [name for name in index.COLUMNS if name != "file_kind"]
    table = pd.DataFrame(rows, columns=columns)
    parquet.write(path, table, {"inputs": dict(zip(stores, ("aa", "bb"), strict=True))})
    expected = "5f0fc6f14687977d33a27f1cb944377820d7a1371b274204abe6cdc55cb906e7"
    assert index.read(path).digest == expected


def test_an_index_of_an_earlier_version_is_made_again(toy, tmp_path):
    manifest, frames, flow = toy
    path = tmp_path / "index.parquet"
    table, metadata = build([manifest], [frames], [flow], "all")
    parquet.write(path, table.drop(columns="file"), metadata)
    with pytest.raises(StoreError, match="has no column file; make it with `commonfate samples`"):
        index.read(path)


def test_another_table_is_no_index(toy):
    with pytest.raises(StoreError, match=r"manifest\.parquet: has no column dataset"):
        index.read(toy[0])
