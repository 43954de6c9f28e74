"""VOC's boxes: from 1 to 0, flags kept, damaged annotations refused."""

import pytest

from commonfate import datasets
from commonfate.base.errors import ConfigError, StoreError
from commonfate.datasets import boxes
from commonfate.datasets.settings import VocBoxesConfig

OBJECT = """<object><name>{name}</name><truncated>{truncated}</truncated>
<difficult>{difficult}</difficult><bndbox><xmax>{x1}</xmax><xmin>{x0}</xmin>
<ymin>{y0}</ymin><ymax>{y1}</ymax></bndbox>
<part><name>head</name><bndbox><xmin>9</xmin></bndbox></part></object>"""


def item(x0, y0, x1, y1, name="dog", truncated=0, difficult=0):
    return OBJECT.format(**locals())


def make(root, **objects):
    for folder in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for name, content in objects.items():
        (root / f"JPEGImages/{name}.jpg").touch()
        text = f"<annotation><size><width>99</width></size>{content}</annotation>"
        (root / f"Annotations/{name}.xml").write_text(text)
    (root / "ImageSets/Main/trainval.txt").write_text("".join(f"{name}\n" for name in objects))
    return datasets.open("voc", VocBoxesConfig(root=root), "unused")


def test_images_and_boxes(tmp_path):
    second = item(1, 1, 500, 375, "person", truncated=1) + item(45.7, 3, 45.7, 4, difficult=1)
    adapter = make(tmp_path, b=second, a=item(8, 12, 352, 498))
    first, other = adapter.videos()
    assert (first.id, first.split, first.annotation_kind) == ("a", "val", "boxes")
    assert first.frame_files == (first.path,) == (f"{tmp_path}/JPEGImages/a.jpg",)
    assert first.annotation_files is None and other.id == "b"
    table = boxes.table(adapter.boxes())
    assert list(table.columns) == list(boxes.COLUMNS)
    assert table.values.tolist() == [
        ["a", 0, 7, 11, 352, 498, "dog", False, False, False],
        ["b", 0, 0, 0, 500, 375, "person", False, True, False],
        ["b", 0, 44.7, 2, 45.7, 4, "dog", True, False, False],
    ]


def test_an_image_without_objects_has_no_box(tmp_path):
    adapter = make(tmp_path, a="")
    assert len(adapter.videos()) == 1 and boxes.table(adapter.boxes()).empty


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (item(9, 1, 8, 3), "the box 9 1 8 3 is empty or outside"),
        (item(0, 1, 8, 3), "the box 0 1 8 3 is empty or outside"),
        ("<object><name>dog</name></object>", "an object has no bndbox/xmin"),
        ("<object>", "mismatched tag"),
    ],
)
def test_damaged_annotations(tmp_path, content, message):
    with pytest.raises(StoreError, match=rf"a\.xml: cannot be read as boxes \({message}"):
        make(tmp_path, a=content).boxes()


def test_what_is_missing(tmp_path):
    adapter = make(tmp_path, a="", b="")
    (tmp_path / "Annotations/b.xml").unlink()
    with pytest.raises(StoreError, match=r"b\.xml: missing, but .*Main/trainval\.txt lists it"):
        adapter.videos()
    (tmp_path / "ImageSets/Main/trainval.txt").unlink()
    with pytest.raises(
        ConfigError, match=r"trainval\.txt: no such list.*datasets\.voc\.image_list"
    ):
        adapter.videos()
