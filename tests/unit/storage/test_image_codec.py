"""The codec commonfate.image: a frame a chunk as JPEG or PNG."""

import json

import cv2
import numpy as np
import pytest
import zarr

from commonfate.storage.image_codec import ImageCodec


def smooth_frames(count=2, height=32, width=48):
    y, x = np.mgrid[:height, :width]
    item = np.stack([2 * x, 3 * y, 128 + x - y], -1)
    return np.stack([item + 20 * i for i in range(count)]).astype(np.uint8)


def store(path, frames, codec):
    zarr.create_array(
        path, data=frames, chunks=(1, *frames.shape[1:]), serializer=codec, compressors=None
    )
    return zarr.open_array(path, mode="r")


def test_png_is_lossless(tmp_path):
    frames = np.random.default_rng(0).integers(0, 256, (2, 9, 7, 3), dtype=np.uint8)
    np.testing.assert_array_equal(store(tmp_path / "a", frames, ImageCodec("png"))[:], frames)


def test_jpeg_is_close_and_quality_counts(tmp_path):
    frames = smooth_frames()
    good = store(tmp_path / "good", frames, ImageCodec("jpeg", 95))[:].astype(int)
    poor = store(tmp_path / "poor", frames, ImageCodec("jpeg", 10))[:].astype(int)
    assert np.abs(good - frames).mean() < 2 < np.abs(poor - frames).mean()


@pytest.mark.parametrize("format_", ["jpeg", "png"])
def test_a_chunk_is_an_ordinary_rgb_image(tmp_path, format_):
    frames = np.zeros((1, 16, 16, 3), np.uint8)
    frames[..., 0] = 200  # red
    store(tmp_path / "a", frames, ImageCodec(format_))
    data = (tmp_path / "a" / "c" / "0" / "0" / "0" / "0").read_bytes()
    blue, green, red = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[8, 8]
    assert abs(int(red) - 200) < 3 and green < 3 and blue < 3


def test_metadata_says_what_it_is(tmp_path):
    store(tmp_path / "a", smooth_frames(), ImageCodec("jpeg", 80))
    codecs = json.loads((tmp_path / "a" / "zarr.json").read_text())["codecs"]
    configuration = {"format": "jpeg", "quality": 80}
    assert codecs == [{"name": "commonfate.image", "configuration": configuration}]
    assert ImageCodec.from_dict(codecs[0]) == ImageCodec("jpeg", 80)
    assert ImageCodec("png").to_dict()["configuration"] == {"format": "png"}


@pytest.mark.parametrize("settings", [("gif", 95), ("jpeg", 0), ("jpeg", 101)])
def test_impossible_settings_are_refused(settings):
    with pytest.raises(ValueError, match="must be jpeg or png and quality 1 to 100"):
        ImageCodec(*settings)


def test_other_arrays_are_refused(tmp_path):
    with pytest.raises(ValueError, match="needs uint8"):
        zarr.create_array(
            tmp_path / "a", shape=(1, 4, 4, 3), dtype="uint16", serializer=ImageCodec("png")
        )


def test_several_frames_a_chunk_are_refused(tmp_path):
    frames = smooth_frames(2)
    with pytest.raises(ValueError, match="one frame a chunk, not 2"):
        zarr.create_array(
            tmp_path / "a", data=frames, chunks=frames.shape, serializer=ImageCodec("png")
        )
