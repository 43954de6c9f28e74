"""Reading ground truth of every kind that the datasets use."""

import numpy as np
import pytest
from PIL import Image

from commonfate.base.errors import StoreError
from commonfate.datasets import annotations
from commonfate.prediction import maps

PALETTE = maps.voc_palette()  # DAVIS has the same
VALUES = np.array([[0, 1, 2], [128, 129, 255]], np.uint8)


@pytest.fixture
def save(tmp_path):
    def write(image: Image.Image, name: str = "00000.png"):
        image.save(tmp_path / name)
        return tmp_path / name

    return write


def indexed(values: np.ndarray, colour: bool = True) -> Image.Image:
    """An image with a palette, of colours as DAVIS's, or of grey with white as label 0."""
    image = Image.fromarray(values)
    image.putpalette(PALETTE.tobytes() if colour else bytes(255 - n // 3 for n in range(768)))
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


@pytest.mark.parametrize("kind", ["binary", "grey"])
def test_a_palette_of_grey_is_read_as_it_is_seen(save, kind):
    path = save(indexed(np.array([[0, 255, 1]], np.uint8), colour=False))
    assert annotations.read(path, kind)[0].tolist() == [[True, False, True]]


@pytest.mark.parametrize("kind", ["binary", "grey", "union:1"])
@pytest.mark.parametrize("mode", ["L", "P", "1", "RGB"])
def test_masks_of_0_and_1(save, kind, mode):
    image = Image.fromarray(np.array([[0, 1, 1]], np.uint8))
    if mode == "P":
        image.putpalette(bytes([0, 0, 0, 255, 255, 255]))
    elif mode == "1":
        image = image.point(lambda value: 255 * value)
    foreground, _ = annotations.read(save(image if mode == "P" else image.convert(mode)), kind)
    assert foreground.tolist() == [[False, True, True]]


def solid(values: list[int], mode: str = "L") -> Image.Image:
    """Stripes of 8 pixels' width, of values or of colours."""
    return Image.fromarray(np.repeat(np.repeat(np.array([values], np.uint8), 8, 0), 8, 1), mode)


GREEN = [[0, 0, 0], [0, 255, 0]]
BROKEN = {
    "green": (solid(GREEN, "RGB"), "holds colours", {"colours"}),
    "labels": (solid([0, 1, 2]), "holds values from 0 to 2", {"instances"}),
    "a palette": (
        indexed(np.array([[0, 1, 2]], np.uint8)),
        "has a palette of colours",
        {"instances", "colours"},
    ),
    "transparency": (Image.new("RGBA", (4, 3), (0, 0, 0, 90)), "is transparent in places", set()),
    "16 bits": (Image.fromarray(np.zeros((2, 2), np.uint16)), "is an image of mode I;16", set()),
}


@pytest.mark.parametrize("kind", ["binary", "grey", "union:1"])
@pytest.mark.parametrize("what", BROKEN)
def test_what_would_be_read_as_empty_is_refused(save, kind, what):
    image, result, others = BROKEN[what]
    path = save(image)
    with pytest.raises(StoreError) as raised:
        annotations.read(path, kind)
    message = str(raised.value)
    assert f"00000.png: {result}, but {kind.partition(':')[0]} masks hold 0" in message
    # Masks of several files have no setting that could say what they hold.
    advised = set(message.partition("annotation_kind to ")[2].split(" or ")) - {""}
    assert advised == (set() if kind == "union:1" else others)
    for other in advised:  # it can be followed
        foreground, void = annotations.read(path, other)
        assert foreground.any() and not void.any()


@pytest.mark.parametrize("image", [solid(GREEN, "RGB"), solid(GREEN, "RGB").convert("RGBA")])
def test_colours_are_foreground(save, image):
    foreground, void = annotations.read(save(image), "colours")
    assert foreground[0].tolist() == [False] * 8 + [True] * 8 and not void.any()


def test_objects_that_became_grey_are_not_lost(save):
    with pytest.raises(StoreError, match="holds whole areas of the value 75"):
        annotations.read(save(solid([0, 38, 75, 255])), "binary")
    soft = np.tile(np.arange(0, 256, 15, dtype=np.uint8), (9, 1))  # a wide soft edge
    assert annotations.read(save(Image.fromarray(soft)), "binary")[0].sum() == 9 * 9


def test_noise_of_jpeg_is_neither_colour_nor_foreground(save):
    path = save(solid([0, 255, 0, 0]).convert("RGB"), "a.jpg")
    for kind in ("binary", "grey", "colours"):
        foreground, _ = annotations.read(path, kind)
        assert foreground[0].tolist() == [False] * 8 + [True] * 8 + [False] * 16


def test_an_empty_binary_annotation_is_an_absent_object(save):
    foreground, _ = annotations.read(save(Image.new("L", (4, 3))), "binary")
    assert foreground.shape == (3, 4) and not foreground.any()


def test_size_is_height_and_width(save):
    assert annotations.size(save(Image.new("L", (4, 3)))) == (3, 4)


def test_modes_without_labels_are_refused(save):
    with pytest.raises(StoreError, match=r"00000.png: is an image of mode RGB, but instances"):
        annotations.read(save(Image.new("RGB", (2, 2))), "instances")


def test_grey_masks_begin_at_one_half_and_may_be_faint(save):
    foreground, void = annotations.read(save(Image.fromarray(VALUES)), "grey")
    assert foreground.tolist() == [[False, False, False], [True, True, True]]
    assert not void.any()
    # Of CUB's masks, which are shares of annotators, some reach no half anywhere.
    foreground, _ = annotations.read(save(solid([0, 51, 102])), "grey")
    assert not foreground.any()
    foreground, _ = annotations.read(save(Image.new("RGB", (1, 1), (130, 130, 130))), "grey")
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
