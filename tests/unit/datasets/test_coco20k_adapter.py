"""COCO-20k: listed images of COCO 2014, boxes without those of crowds."""

import json

import pytest

from commonfate import datasets
from commonfate.base.errors import ConfigError, StoreError
from commonfate.datasets.settings import Coco20kConfig

NAMES = [f"COCO_train2014_{number:012d}" for number in (9, 25, 30)]


def box(number, image, bbox, **values):
    return {"id": number, "image_id": image, "category_id": 18, "bbox": bbox, **values}


@pytest.fixture
def root(tmp_path):
    (tmp_path / "images/train2014").mkdir(parents=True)
    (tmp_path / "annotations").mkdir()
    for name in NAMES:
        (tmp_path / f"images/train2014/{name}.jpg").touch()
    listed = [f"train2014/{name}.jpg\n" for name in (NAMES[1], NAMES[0])]
    (tmp_path / "coco_20k_filenames.txt").write_text("".join(listed))
    content = {
        "images": [
            {"id": image, "file_name": f"{name}.jpg"}
            for image, name in zip((9, 25, 30), NAMES, strict=True)
        ],
        "categories": [{"id": 18, "name": "dog"}],
        "annotations": [
            box(3, 25, [0, 0, 640, 2], iscrowd=1),
            box(2, 25, [1.5, 2, 10, 20.25], iscrowd=0),
            box(1, 30, [0, 0, 5, 5]),
            box(4, 9, [3, 4, 1, 1]),
        ],
    }
    (tmp_path / "annotations/instances_train2014.json").write_text(json.dumps(content))
    return tmp_path


def adapter(root, **settings):
    return datasets.open("coco", Coco20kConfig(root=root, **settings), "unused")


def test_listed_images_and_their_boxes(root):
    videos = adapter(root).videos()
    assert [video.id for video in videos] == NAMES[:2]
    assert {(video.split, video.annotation_kind) for video in videos} == {("val", "boxes")}
    assert videos[0].frame_files == (f"{root}/images/train2014/{NAMES[0]}.jpg",)
    assert [(b.video, b[2:6], b.category, b.crowd) for b in adapter(root).boxes()] == [
        (NAMES[0], (3, 4, 4, 5), "dog", False),
        (NAMES[1], (1.5, 2, 11.5, 22.25), "dog", False),
    ]


def test_boxes_of_crowds_if_they_are_wanted(root):
    result = adapter(root, crowds=True).boxes()
    assert [(b.video, b.crowd) for b in result] == [
        (NAMES[0], False),
        (NAMES[1], False),
        (NAMES[1], True),
    ]


def test_what_is_missing_or_damaged(root):
    file = root / "annotations/instances_train2014.json"
    content = json.loads(file.read_text())
    file.write_text(json.dumps({**content, "images": content["images"][1:], "annotations": []}))
    with pytest.raises(StoreError, match=f"has no image {NAMES[0]}, but coco_20k_filenames.txt"):
        adapter(root).boxes()
    file.write_text("{")
    with pytest.raises(StoreError, match=r"2014\.json: cannot be read as COCO's instances"):
        adapter(root).boxes()
    file.unlink()
    with pytest.raises(StoreError, match=r"2014\.json: no such file; docs/datasets\.md"):
        adapter(root).videos()
    (root / f"images/train2014/{NAMES[1]}.jpg").unlink()
    with pytest.raises(StoreError, match=rf"{NAMES[1]}\.jpg: missing, but .*filenames\.txt lists"):
        adapter(root).videos()
    (root / "coco_20k_filenames.txt").unlink()
    with pytest.raises(ConfigError, match=r"coco_20k_filenames\.txt: no such list, but it names"):
        adapter(root).videos()
