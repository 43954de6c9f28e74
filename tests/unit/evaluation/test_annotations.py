"""Reading ground truth of every kind that the datasets use."""

import numpy as np
import pytest
from PIL import Image

from commonfate.errors import StoreError
from commonfate.evaluation import annotations

VALUES = np.array([[0, 1, 2], [128, 129, 255]], np.uint8)


@pytest.fixture
def save(tmp_path):
    def write(image: Image.Image, name: str = "00000.png"):
        image.save(tmp_path / name)
        return tmp_path / name

    return write


def indexed(values: np.ndarray) -> Image.Image:
    """An image with a palette whose colours say nothing of its labels (label 0 is white)."""
    image = Image.fromarray(values)
    image.putpalette(bytes(255 - n // 3 for n in range(768)))
    return image


def test_binary_grey(save):
    foreground, void = annotations.read(save(Image.fromarray(VALUES)), "binary")
    assert foreground.tolist() == [[False, False, False], [False, True, True]]
    assert not void.any() and foreground.dtype == void.dtype == bool


@pytest.mark.parametrize("mode", ["1", "RGB", "RGBA", "LA"])
def test_binary_in_other_modes(save, mode):
    image = Image.fromarray(np.array([[0, 255]], np.uint8)).convert(mode)
    foreground, _ = annotations.read(save(image), "binary")
    assert foreground.tolist() == [[False, True]]


def test_instances(save):
    foreground, void = annotations.read(save(Image.fromarray(VALUES)), "instances")
    assert foreground.tolist() == [[False, True, True], [True, True, False]]
    assert void.tolist() == [[False, False, False], [False, False, True]]


@pytest.mark.parametrize("image", [Image.fromarray(VALUES), indexed(VALUES)], ids=["L", "P"])
def test_of_classes_all_but_background_and_void_are_foreground(save, image):
    foreground, void = annotations.read(save(image), "classes")
    assert foreground.tolist() == [[False, True, True], [True, True, False]]
    assert void.tolist() == [[False, False, False], [False, False, True]]


def test_a_palette_is_read_as_labels(save):
    foreground, void = annotations.read(save(indexed(VALUES)), "instances")
    assert foreground.sum() == 4 and void.sum() == 1
    foreground, _ = annotations.read(save(indexed(np.array([[0, 255]], np.uint8))), "binary")
    assert foreground.tolist() == [[False, True]]


def test_an_empty_binary_annotation_is_an_absent_object(save):
    foreground, _ = annotations.read(save(Image.new("L", (4, 3))), "binary")
    assert foreground.shape == (3, 4) and not foreground.any()


def test_size_is_height_and_width(save):
    assert annotations.size(save(Image.new("L", (4, 3)))) == (3, 4)


def test_labels_are_not_taken_for_an_empty_binary_mask(save):
    path = save(indexed(np.array([[0, 1, 2]], np.uint8)))
    with pytest.raises(StoreError, match=r"00000.png: holds values from 0 to 2.*'instances'"):
        annotations.read(path, "binary")


def test_modes_without_labels_are_refused(save):
    with pytest.raises(StoreError, match=r"00000.png: is an image of mode RGB, but instances"):
        annotations.read(save(Image.new("RGB", (2, 2))), "instances")
    with pytest.raises(StoreError, match=r"00000.png: is an image of mode I;16, but binary"):
        annotations.read(save(Image.fromarray(np.zeros((2, 2), np.uint16))), "binary")


def test_grey_masks_begin_at_one_half_and_may_be_faint(save):
    foreground, void = annotations.read(save(Image.fromarray(VALUES)), "grey")
    assert foreground.tolist() == [[False, False, False], [True, True, True]]
    assert not void.any()
    # Of CUB's masks, which are shares of annotators, some reach no half anywhere.
    foreground, _ = annotations.read(save(Image.fromarray(VALUES[:1])), "grey")
    assert not foreground.any()
    foreground, _ = annotations.read(save(Image.new("RGB", (1, 1), (130, 0, 0))), "grey")
    assert foreground.all()


def test_union_of_files(save, tmp_path):
    for name, values in (("1.png", [[255, 90, 0]]), ("2.png", [[0, 90, 255]])):
        save(Image.fromarray(np.array(values, np.uint8)), name)
    pattern = tmp_path / "[0-9].png"
    foreground, void = annotations.read(pattern, "union:2")
    assert foreground.tolist() == [[True, False, True]] and not void.any()
    assert annotations.size(pattern) == (1, 3)
    with pytest.raises(StoreError, match=r"2 files where the masks of 3 objects should be"):
        annotations.read(pattern, "union:3")
    save(Image.new("L", (3, 2), 255), "2.png")
    with pytest.raises(StoreError, match=r"2\.png: is 3x2, but .*1\.png of the same frame is 3x1"):
        annotations.read(pattern, "union:2")


def test_a_pattern_without_files(tmp_path):
    with pytest.raises(StoreError, match=r"\*\.png: this annotation is missing"):
        annotations.size(tmp_path / "*.png")


def test_fbms_labels_are_grey_above_the_threshold(save):
    # 0.05, 0.1, 0.4 and 0.99 of 255 are 12.75, 25.5, 102 and 252.45.
    path = save(Image.fromarray(np.array([[0, 13, 26, 102, 103, 255]], np.uint8)), "a_01.pgm")
    rows = {"0.05": [0, 1, 1, 1, 1, 1], "0.1": [0, 0, 1, 1, 1, 1], "0.4": [0, 0, 0, 0, 1, 1]}
    for threshold, expected in rows.items():
        foreground, void = annotations.read(path, f"fbms:{threshold}")
        assert foreground.astype(int).tolist() == [expected] and not void.any()


def test_white_is_background_in_fbms_colours_only(save):
    # Grey of pure blue is 0.114 of 255, of pure red 0.299.
    colours = [[[255, 255, 255], [0, 0, 255], [255, 0, 0], [0, 0, 0], [252, 252, 252]]]
    path = save(Image.fromarray(np.array(colours, np.uint8)), "a_0001_gt.ppm")
    assert annotations.read(path, "fbms:0.1")[0].tolist() == [[False, True, True, False, True]]
    assert annotations.read(path, "fbms:0.4")[0].tolist() == [[False, False, False, False, True]]


def test_fbms_grey_values_are_not_stretched(tmp_path):
    path = tmp_path / "a_01.pgm"
    path.write_bytes(b"P5\n3 1\n100\n" + bytes([0, 25, 26]))
    assert annotations.read(path, "fbms:0.1")[0].tolist() == [[False, False, True]]


def test_damaged_fbms_labels(tmp_path):
    path = tmp_path / "a_01.pgm"
    path.write_bytes(b"P5\n30 10\n255\n" + bytes(7))
    with pytest.raises(StoreError, match=r"a_01\.pgm: this annotation is damaged"):
        annotations.read(path, "fbms:0.1")


@pytest.mark.parametrize(
    ("kind", "known"),
    [
        *(
            (kind, True)
            for kind in ("binary", "grey", "instances", "classes", "union:1", "fbms:0.05")
        ),
        *(
            (kind, False)
            for kind in ("", "union", "union:0", "fbms", "fbms:1", "labels", "classes:5")
        ),
    ],
)
def test_kinds(save, kind, known):
    assert annotations.is_kind(kind) is known
    if not known:
        with pytest.raises(ValueError, match=f"annotation_kind '{kind}' is unknown; known: binary"):
            annotations.read(save(Image.new("L", (2, 2))), kind)


def test_real_davis_annotation(davis_root):
    path = davis_root / "Annotations" / "480p" / "blackswan" / "00000.png"
    foreground, void = annotations.read(path, "binary")
    assert foreground.shape == (480, 854) == annotations.size(path)
    assert 0.05 < foreground.mean() < 0.4 and not void.any()
