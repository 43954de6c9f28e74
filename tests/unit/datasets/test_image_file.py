"""Images as they are to be shown, and those that are refused."""

import numpy as np
import pytest
from PIL import Image, ImageOps

from commonfate.base.errors import StoreError
from commonfate.datasets import image_file
from commonfate.datasets.image_file import ImageError

PIXELS = np.arange(24, dtype=np.uint8).reshape(2, 4, 3) * 10


def save(path, orientation, pixels=PIXELS):
    image = Image.fromarray(pixels)
    if path.suffix == ".tif":
        image.save(path, tiffinfo={image_file.ORIENTATION: orientation})
        return path
    exif = Image.Exif()
    exif[image_file.ORIENTATION] = orientation
    image.save(path, exif=exif, **({"lossless": True} if path.suffix == ".webp" else {}))
    return path


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_are_turned_as_their_exif_data_say(tmp_path, suffix, orientation):
    path = save(tmp_path / f"a{suffix}", orientation)
    with Image.open(save(tmp_path / "b.png", orientation)) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    assert image_file.size(path) == expected.shape[:2]
    np.testing.assert_array_equal(image_file.pixels(path), expected)
    np.testing.assert_array_equal(np.asarray(image_file.load(path, "image", "")), expected)


def test_a_photograph_that_was_stored_sideways(tmp_path):
    # Orientation 6: the first row of what is stored is the right column of what is shown.
    path = save(tmp_path / "a.jpg", 6, np.repeat(np.repeat(PIXELS, 16, 0), 16, 1))
    assert image_file.size(path) == (64, 32)
    shown = image_file.pixels(path)
    assert np.abs(shown[8, 24].astype(int) - PIXELS[0, 0]).max() < 12
    assert np.abs(shown[56, 8].astype(int) - PIXELS[1, 3]).max() < 12


def test_an_orientation_that_does_not_exist_turns_nothing(tmp_path):
    assert image_file.size(save(tmp_path / "a.png", 9)) == (2, 4)


def test_grey_has_equal_channels(tmp_path):
    Image.fromarray(PIXELS[..., 0]).save(tmp_path / "a.png")
    assert (image_file.pixels(tmp_path / "a.png") == PIXELS[..., :1]).all()


def bomb(path):
    Image.new("1", (20000, 10000)).save(path)


@pytest.mark.parametrize(
    ("spoil", "reason", "advice"),
    [
        (lambda path: None, "is missing", "copy it again"),
        (lambda path: path.touch(), "is an empty file|is not an image", "copy it again"),
        (lambda path: path.write_text("text"), "is not an image", "copy it again"),
        (lambda path: path.mkdir(), "is damaged|is not an image", "copy it again"),
        (bomb, "has more pixels than the 178,956,970 that are decoded", "make it smaller"),
    ],
    ids=["missing", "empty", "text", "folder", "bomb"],
)
def test_what_is_refused(tmp_path, spoil, reason, advice):
    path = tmp_path / "a.png"
    spoil(path)
    for read in (image_file.size, image_file.pixels):
        with pytest.raises(ImageError, match=reason):
            read(path)
    with pytest.raises(StoreError, match=rf"a\.png: this image ({reason}).*; {advice}"):
        image_file.load(path, "image", "copy it again")


def test_pixels_that_are_cut_off(tmp_path):
    path = tmp_path / "a.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(ImageError, match="is damaged"):
        image_file.pixels(path)
