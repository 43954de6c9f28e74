"""Masks of a whole video: sizes, and videos in which nothing would be foreground."""

import numpy as np
import pytest
from PIL import Image

from commonfate.base.errors import StoreError
from commonfate.datasets import annotation_check, annotations, image_file

SIZE = (20, 32)
HALF = np.zeros(SIZE, np.uint8)
HALF[:, :16] = 255
BLACK = np.zeros(SIZE, np.uint8)


@pytest.fixture
def check(tmp_path):
    """Check masks, an array or an image a frame, None where a frame has none."""

    def run(kind, *masks, suffix="png"):
        files = []
        for t, mask in enumerate(masks):
            path = tmp_path / f"{t:05d}.{suffix}"
            if mask is not None:
                image = Image.fromarray(mask) if isinstance(mask, np.ndarray) else mask
                image.save(path)
            files.append("" if mask is None else str(path))
        return annotation_check.check(files, kind, SIZE)

    return run


@pytest.mark.parametrize("kind", ["binary", "grey", "colours"])
def test_masks_that_fit(check, kind):
    assert check(kind, HALF, None, BLACK) == []
    assert check(kind, BLACK, BLACK) == []  # an object that is absent


@pytest.mark.parametrize("size", [(40, 64), (10, 16), (19, 31)])
def test_another_size_is_said(check, size):
    mask = Image.fromarray(HALF).resize(size[::-1], Image.Resampling.NEAREST)
    (remark,) = check("binary", HALF, mask)
    assert f"00001.png: this mask is {size[1]}x{size[0]}, its frame 32x20" in remark


def test_another_aspect_ratio_is_refused(check):
    with pytest.raises(StoreError, match=r"00001\.png: this mask is 32x28, its frame 32x20; make"):
        check("binary", HALF, np.zeros((28, 32), np.uint8))
    with pytest.raises(StoreError, match=r"00000\.png: .* 20x32, .* 32x20 .*turned .*\?\); make"):
        check("binary", HALF.T.copy())


def test_a_mask_is_turned_as_its_exif_data_say(tmp_path):
    exif = Image.Exif()
    exif[image_file.ORIENTATION] = 6
    path = tmp_path / "a.png"
    Image.fromarray(HALF.T.copy()).save(path, exif=exif)
    assert annotation_check.check([str(path)], "binary", SIZE) == []
    foreground, _ = annotations.read(path, "binary")
    # The first rows of what is stored are the right columns of what is shown.
    np.testing.assert_array_equal(foreground, HALF[:, ::-1] > 0)


def test_a_missing_mask(tmp_path):
    with pytest.raises(StoreError, match=r"a\.png: this annotation is missing"):
        annotation_check.check([str(tmp_path / "a.png")], "binary", SIZE)


@pytest.mark.parametrize("kind", ["instances", "classes"])
def test_void_is_no_foreground(check, kind):
    with pytest.raises(StoreError, match=r"00001\.png: .* no mask of this video has foreground"):
        check(kind, BLACK, HALF)
    assert check(kind, np.minimum(HALF, 1), HALF) == []


def test_fbms_labels_below_the_threshold(check):
    dark, bright = (np.minimum(HALF, value) for value in (2, 60))
    with pytest.raises(StoreError, match=r"00001\.pgm: is not black, but no mask of this video"):
        check("fbms:0.1", BLACK, dark, suffix="pgm")
    assert check("fbms:0.1", dark, bright, suffix="pgm") == []


def test_faint_masks_of_images_are_said(check):
    (remark,) = check("grey", np.minimum(HALF, 102))
    assert "00000.png: no value of this mask reaches 128" in remark
