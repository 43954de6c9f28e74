"""COCO-Stuff: 182 values of pixels become 27 classes."""

from collections import Counter

import numpy as np
import pytest
from PIL import Image

from commonfate import datasets
from commonfate.base.errors import ConfigError, StoreError
from commonfate.datasets import annotation_check, annotations, coco_stuff_classes
from commonfate.datasets.settings import CocoStuff27Config


def make(root, images="images/{}"):
    for split, names in (("train2017", ("3", "1")), ("val2017", ("2",))):
        for folder in (images.format(split), f"annotations/{split}"):
            (root / folder).mkdir(parents=True)
        for name in names:
            (root / images.format(split) / f"{name}.jpg").touch()
            (root / f"annotations/{split}/{name}.png").touch()
    return root


def videos(root, **settings):
    return datasets.videos("stuff", CocoStuff27Config(root=root, **settings), "unused")


@pytest.mark.parametrize(("layout", "folder"), [("cocostuff", "images/{}"), ("flowdino", "{}")])
def test_both_layouts(tmp_path, layout, folder):
    result = videos(make(tmp_path, folder), layout=layout)
    assert [(v.id, v.split) for v in result] == [("1", "train"), ("2", "val"), ("3", "train")]
    assert result[1].frame_files == (f"{tmp_path}/{folder.format('val2017')}/2.jpg",)
    assert result[1].annotation_files == (f"{tmp_path}/annotations/val2017/2.png",)
    assert result[1].annotation_kind == "coco_stuff27"


def test_a_draw_of_the_training_images(tmp_path):
    # SHA-256 of "1" begins with 6b, of "3" with 4e.
    root = make(tmp_path)
    assert [v.id for v in videos(root, train_images=1)] == ["2", "3"]
    assert [v.id for v in videos(root, train_images=9)] == ["1", "2", "3"]
    settings = CocoStuff27Config(root=root, train_images=1)
    assert sorted(datasets.stamps("stuff", settings, "unused")) == ["2", "3"]


def test_the_classes():
    table = coco_stuff_classes.table()
    sizes = Counter(table[:182])
    assert sorted(sizes) == list(range(27)) and set(table[182:]) == {255}
    # Groups of things as COCO has them, with the classes that were never annotated.
    things = [6, 6, 10, 10, 8, 8, 8, 10, 6, 1, 10, 8]
    assert [sizes[label] for label in range(12)] == things and sum(things) == 91
    # Numbers of labels.txt less 1: person, bicycle, cat, book, sky-other, tree, sea, wood.
    values = [0, 1, 16, 83, 156, 168, 154, 181]
    names = [coco_stuff_classes.CLASSES[table[value]] for value in values]
    assert names == ["person", "vehicle", "animal", "indoor", "sky", "plant", "water", "solid"]
    assert datasets.class_names(CocoStuff27Config(root="/data")) == coco_stuff_classes.CLASSES


def test_a_label_map(tmp_path):
    file = tmp_path / "a.png"
    Image.fromarray(np.array([[0, 181, 255], [100, 182, 93]], np.uint8)).save(file)
    assert annotations.labels(file, "coco_stuff27").tolist() == [[9, 24, 255], [13, 255, 22]]
    foreground, void = annotations.read(file, "coco_stuff27")
    assert foreground.tolist() == [[True, True, False], [True, False, True]]
    assert np.array_equal(void, ~foreground)
    assert annotation_check.check([str(file)], "coco_stuff27", (2, 3)) == []


def test_the_curated_list(tmp_path):
    make(tmp_path)
    with pytest.raises(ConfigError, match=r"curated/train2017/.*_7\.txt: no such list, but curat"):
        videos(tmp_path, curated=True)
    for split, names in (("train2017", "3\n"), ("val2017", "2\n")):
        (tmp_path / f"curated/{split}").mkdir(parents=True)
        (tmp_path / f"curated/{split}/Coco164kFull_Stuff_Coarse_7.txt").write_text(names)
    assert [video.id for video in videos(tmp_path, curated=True)] == ["2", "3"]


def test_what_is_not_as_it_should_be(tmp_path):
    make(tmp_path)
    (tmp_path / "annotations/train2017/1.png").unlink()
    with pytest.raises(
        StoreError, match=r"images/train2017/1\.jpg: .*annotations/train2017 has no"
    ):
        videos(tmp_path)
    with pytest.raises(StoreError, match=r"/val2017: holds no image; docs/datasets\.md"):
        videos(tmp_path, layout="flowdino", splits=("val",))


def test_stamps_change_with_the_folders(tmp_path):
    settings = CocoStuff27Config(root=make(tmp_path))
    before = datasets.stamps("stuff", settings, "unused")
    assert sorted(before) == ["1", "2", "3"]
    for folder, suffix in (("images", "jpg"), ("annotations", "png")):
        (tmp_path / folder / f"val2017/4.{suffix}").touch()
    after = datasets.stamps("stuff", settings, "unused")
    assert after["1"] == before["1"] and after["2"] != before["2"] and "4" in after
