"""Following products to what they were made of."""

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd

from commonfate.base import parquet
from commonfate.base.provenance import record as record_of
from commonfate.storage import frame_files
from commonfate.storage.flow import open_writer
from commonfate.storage.frames import FrameWriter
from commonfate.tables import provenance

RUN = "gwm-unet-quadratic-k4-dis-sprites-s0"


def _from_scores(results) -> dict:
    return provenance.follow([str(results.scores("U-Net"))])


def test_a_score_leads_to_the_videos(results) -> None:
    files = _from_scores(results(["a", "b"]))
    predictions = f"results/predictions/{RUN}/sprites/last/predictions.json"
    checkpoint = f"results/runs/{RUN}/checkpoint.pt"
    index = "results/samples/sprites-all-dis/index.parquet"
    manifest = "results/videos/sprites/manifest.parquet"
    for created, of in [
        (predictions, checkpoint),
        (checkpoint, index),
        (index, "results/frames/sprites/0000.zarr.zip"),
        (index, manifest),
        (manifest, "results/datasets/sprites/videos/a.mp4"),
    ]:
        assert of in files[created]["inputs"]
    assert [video["id"] for video in files[manifest]["listing"]] == ["a", "b"]
    assert files[checkpoint]["verb"] == "train"
    assert not any(node["changed"] for node in files.values())
    assert not any("problem" in node for node in files.values())


def test_a_video_that_changed_is_found(results) -> None:
    created = results(["a", "b"])
    video = "results/datasets/sprites/videos/a.mp4"
    Path(video).write_bytes(b"something else")
    files = _from_scores(created)
    assert files["results/videos/sprites/manifest.parquet"]["changed"] == [video]


def test_a_checkpoint_that_changed_is_found(results) -> None:
    created = results(["a"])
    Path(f"results/runs/{RUN}/checkpoint.pt").write_bytes(b"other weights")
    changed = {path: node["changed"] for path, node in _from_scores(created).items()}
    predictions = f"results/predictions/{RUN}/sprites/last/predictions.json"
    assert changed[predictions] == [f"results/runs/{RUN}/checkpoint.pt"]


def test_what_is_missing_or_damaged_is_a_problem_not_an_error(results) -> None:
    created = results(["a"])
    Path("results/frames/sprites/0000.zarr.zip").write_bytes(b"no zip")
    Path("results/samples/sprites-all-dis/index.parquet").unlink()
    files = _from_scores(created)
    store = files["results/frames/sprites/0000.zarr.zip"]
    assert store["problem"].startswith("no record of how it was made (results/frames/sprites/0000")
    index = files["results/samples/sprites-all-dis/index.parquet"]
    assert index["problem"] == "is not there, so there is no record of how it was made"


def test_a_large_file_is_read_only_if_it_is_younger(tmp_path: Path) -> None:
    store = tmp_path / "large"
    store.write_bytes(bytes(provenance.SMALL + 1))
    record = record_of("flow", {}, [store])
    wrong = {**record, "inputs": {str(store): "0" * 64}}
    os.utime(store, (0, 0))
    assert provenance.changed(wrong) == []
    os.utime(store, (2**32, 2**32))
    assert provenance.changed(wrong) == [str(store)]
    assert provenance.changed(record) == []


def test_a_small_file_is_always_read(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.write_bytes(b"1")
    record = record_of("flow", {}, [small])
    small.write_bytes(b"2")
    os.utime(small, (0, 0))
    assert provenance.changed(record) == [str(small)]


def test_flow_stores_of_both_containers_have_records(tmp_path: Path) -> None:
    for container, name in (("zarr", "0000.zarr.zip"), ("tiff", "0000.tiff")):
        path = tmp_path / "flow/sprites/dis" / name
        record = record_of("flow", {"estimator": "dis"}, [])
        with open_writer(path, container, provenance=record, key="1") as writer:
            flows = [(0, np.zeros((2, 8, 8), np.float32))]
            writer.add("a", 1, 2, (8, 8), flows)
        (node,) = provenance.follow([str(path)]).values()
        assert node["settings"] == {"estimator": "dis"}


def test_files_inside_a_tiff_store_stand_for_the_store() -> None:
    inputs = {"results/flow/s/dis/0000.tiff/1/a.tiff": "1", "results/a.json": "2"}
    assert provenance.products(inputs) == {
        "results/flow/s/dis/0000.tiff": "",
        "results/a.json": "2",
    }


def test_json_without_a_record_is_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text(json.dumps({"a": 1}))
    assert provenance.follow([str(path)])[str(path)]["problem"] == "no record of how it was made"


def test_kinds_are_read_from_the_products_not_from_names_of_folders(tmp_path: Path) -> None:
    """Frames in a folder `flow`, flow in a folder `frames`, a manifest of another name."""
    stores = {"frames": tmp_path / "flow/x/0.zarr.zip", "flow": tmp_path / "frames/x/0.zarr.zip"}
    for path in stores.values():
        path.parent.mkdir(parents=True)
    with FrameWriter(stores["frames"], provenance=record_of("frames", {}, [])):
        pass
    with open_writer(stores["flow"], provenance=record_of("flow", {}, []), key=""):
        pass
    manifest = tmp_path / "cats.parquet"
    row = {"id": "a", "split": "val", "source": "a.mp4", "frames": 4, "sha256": "0"}
    row |= {"status": "ok", "reason": ""}
    record = record_of("manifest", {"dataset": "cats"}, [])
    parquet.write(manifest, pd.DataFrame([row]), record)
    paths = [str(path) for path in (*stores.values(), manifest)]
    files = provenance.follow(paths)
    assert [files[path]["verb"] for path in paths] == ["frames", "flow", "manifest"]
    assert files[str(manifest)]["inputs"] == {"a.mp4": "0"}


def test_weights_that_were_not_trained_here_have_no_record(tmp_path: Path) -> None:
    (tmp_path / "snapshots").mkdir()
    weights = tmp_path / "snapshots/checkpoint.pt"
    weights.write_bytes(b"of others")
    assert provenance.follow([str(weights)]) == {}


def test_images_that_are_read_in_place_are_compared_with_their_digest(tmp_path: Path) -> None:
    files = [tmp_path / f"{t}.png" for t in range(2)]
    for file in files:
        file.write_bytes(b"1")
    row = {"id": "a", "split": "val", "source": str(tmp_path), "frames": 2, "status": "ok"}
    row |= {
        "reason": "",
        "sha256": frame_files.content_of(files).sha256,
        "frame_files": list(map(str, files)),
    }
    path = tmp_path / "manifest.parquet"
    parquet.write(path, pd.DataFrame([row]), record_of("manifest", {}, []))
    assert provenance.follow([str(path)])[str(path)]["changed"] == []
    files[1].write_bytes(b"2")
    os.utime(files[1], (2**32, 2**32))
    assert provenance.follow([str(path)])[str(path)]["changed"] == [str(tmp_path)]
