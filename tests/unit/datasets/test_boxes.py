"""Boxes of masks and of data sets, in one table."""

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from PIL import Image

from commonfate import datasets
from commonfate.base import parquet
from commonfate.base.errors import ConfigError, StoreError
from commonfate.cli import commonfate
from commonfate.datasets import boxes, inventory, layouts
from commonfate.datasets.base import Box
from commonfate.datasets.settings import Coco20kConfig, SpritesConfig, VocBoxesConfig
from commonfate.datasets.sprites import produce, truth

MASK = np.array([[0, 0, 2, 2], [1, 0, 2, 0], [1, 0, 255, 255]], np.uint8)


def save(path, values):
    Image.fromarray(np.array(values, np.uint8)).save(path)
    return str(path)


def test_boxes_of_a_label_map():
    assert boxes.of_labels(MASK) == {1: (0, 1, 1, 3), 2: (2, 0, 4, 2)}
    assert boxes.of_labels(np.zeros((2, 3), np.uint8)) == {}
    assert boxes.of_labels(np.full((2, 3), 255, np.uint8)) == {}
    assert boxes.of_labels(np.full((2, 3), 7, np.uint8)) == {7: (0, 0, 3, 2)}


def test_boxes_of_the_masks_of_a_video(tmp_path):
    files = [save(tmp_path / "a.png", MASK), "", save(tmp_path / "b.png", MASK == 1)]
    assert list(boxes.of_masks("v", files, "instances")) == [
        Box("v", 0, 0, 1, 1, 3),
        Box("v", 0, 2, 0, 4, 2),
        Box("v", 2, 0, 1, 1, 3),
    ]
    classes = [box.category for box in boxes.of_masks("v", files[:1], "objects:9.255")]
    assert classes == ["9", ""]


def test_boxes_of_masks_of_another_size_are_in_pixels_of_the_frame(tmp_path):
    files = [save(tmp_path / "a.png", MASK)]
    first, second = boxes.of_masks("v", files, "instances", size=(6, 12))
    assert first == Box("v", 0, 0, 2, 3, 6) and second == Box("v", 0, 6, 0, 12, 4)
    rows = {"id": ["v"], "status": ["ok"], "annotation_files": [files], "height": [6]}
    manifest = pd.DataFrame(rows | {"annotation_kind": ["instances"], "width": [12]})
    table = boxes.of_dataset(object(), manifest)
    assert table[["x0", "y0", "x1", "y1"]].to_numpy().tolist() == [[0, 2, 3, 6], [6, 0, 12, 4]]


def test_a_foreground_without_objects_is_one_box(tmp_path):
    file = save(tmp_path / "a.png", 255 * (MASK == 1) + 255 * (MASK == 2))
    assert list(boxes.of_masks("v", [file], "binary")) == [Box("v", 0, 0, 0, 4, 3)]
    with pytest.raises(ConfigError, match="v: its masks hold classes, not objects, so that there"):
        list(boxes.of_masks("v", [file], "classes"))
    with pytest.raises(StoreError, match=r"b\.png"):
        list(boxes.of_masks("v", [str(tmp_path / "b.png")], "instances"))


def test_sprites_have_the_boxes_of_their_truth(tmp_path):
    config = SpritesConfig(videos=2, frames=3, size=(64, 96))
    produce.produce(config, tmp_path)
    manifest = inventory.build(datasets.videos("s", config, tmp_path), 8)
    manifest = manifest.assign(status="ok", height=64, width=96)
    manifest.loc[1, "status"] = "left_out"
    table = boxes.of_dataset(datasets.open("s", config, tmp_path), manifest)
    assert set(table["video"]) == {"sprite_0000"}
    output = tmp_path / "boxes.parquet"
    parquet.write(tmp_path / "manifest.parquet", manifest, {})
    files = ["--manifest", tmp_path / "manifest.parquet", "--output", output]
    arguments = ["boxes", "--dataset=s", "--set=adapter=sprites", *map(str, files)]
    assert CliRunner().invoke(commonfate, arguments, catch_exceptions=False).exit_code == 0
    assert parquet.read(output).to_numpy().tolist() == table.to_numpy().tolist()
    exact = truth.load(tmp_path / "truth/sprite_0000.npz").boxes
    seen = exact[~np.isnan(exact).any(-1)]
    assert np.array_equal(table[["x0", "y0", "x1", "y1"]].to_numpy(), seen)


def test_an_empty_table_has_its_types_and_can_be_stored(tmp_path):
    empty = boxes.table([])
    assert list(empty.columns) == list(boxes.COLUMNS) and empty["x0"].dtype == float
    parquet.write(tmp_path / "boxes.parquet", boxes.table([Box("v", 3, 0, 0, 1, 1)]), {})
    (row,) = parquet.read(tmp_path / "boxes.parquet").to_dict("records")
    assert (row["t"], row["class"], row["difficult"], row["crowd"]) == (3, "", False, False)


def test_boxes_of_the_adapter_are_those_of_usable_images():
    class Shipped:
        def videos(self):
            return []

        def boxes(self):
            return [Box("a", 0, 0, 0, 1, 1), Box("b", 0, 0, 0, 2, 2)]

    manifest = pd.DataFrame({"id": ["a", "b"], "status": ["left_out", "ok"]})
    assert list(boxes.of_dataset(Shipped(), manifest)["video"]) == ["b"]


def test_the_source_of_shipped_boxes(tmp_path):
    settings = VocBoxesConfig(root=tmp_path)
    assert datasets.box_files(settings) == datasets.box_files(SpritesConfig()) == []
    (tmp_path / "Annotations").mkdir()
    assert datasets.box_files(settings) == [f"{tmp_path}/Annotations"]
    assert layouts.box_files(Coco20kConfig(root=tmp_path)) == [
        tmp_path / "annotations/instances_train2014.json"
    ]
