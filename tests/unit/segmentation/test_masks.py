"""Masks of a shot: edges of the image, specks, objects, and their files."""

import json

import numpy as np
import pytest
from PIL import Image

from commonfate.foreground import edges, objects
from commonfate.segmentation import outputs


def decoded(run_lengths: dict) -> np.ndarray:
    """Mask (H, W) of COCO's uncompressed run lengths."""
    values = np.arange(len(run_lengths["counts"])) % 2
    return values.repeat(run_lengths["counts"]).reshape(run_lengths["size"], order="F") > 0


def test_a_coarse_mask_takes_the_edges_of_its_image():
    frame = np.full((64, 96, 3), 40, np.uint8)
    frame[20:44, 30:66] = (200, 120, 90)
    coarse = np.zeros((8, 12), np.float32)
    coarse[2:6, 4:9] = 1  # up to four pixels off on every side
    truth = frame[..., 0] > 100
    result = edges.aligned(coarse, frame)
    assert result.shape == (64, 96)
    assert 0 <= result.min() <= result.max() <= 1
    large = Image.fromarray(coarse).resize((96, 64), Image.Resampling.BILINEAR)
    before = ((np.asarray(large) > 0.5) ^ truth).sum()
    assert ((result > 0.5) ^ truth).sum() < 0.4 * before


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_an_empty_and_a_full_mask_stay(value):
    frame = np.random.default_rng(0).integers(0, 255, (32, 40, 3), np.uint8)
    result = edges.aligned(np.full((4, 5), value, np.float32), frame)
    np.testing.assert_allclose(result, value, atol=1e-3)


def test_specks_are_small_over_all_frames_together():
    mask = np.zeros((4, 20, 20), bool)
    mask[:, :10, :10] = True
    mask[:, 15, 15:18] = True  # 12 of 400
    mask[1, 12:20, 0:5] = True  # 40 of 400
    result = objects.without_specks(mask)
    assert not result[:, 15, 15:].any()
    assert result[1, 12:20, 0:5].all()
    assert result[:, :10, :10].all()
    assert not objects.without_specks(np.zeros_like(mask)).any()


def test_objects_that_touch_in_no_frame_have_labels_of_their_own():
    mask = np.zeros((3, 8, 20), bool)
    for t in range(3):
        mask[t, 1:4, t : t + 3] = True
        mask[t, 2:7, 12 - t : 17 - t] = True
    labels = objects.instances(mask)
    assert labels.dtype == np.uint8
    assert set(labels[:, 2:7, 12:14].ravel()) == {1}  # the larger one
    assert set(labels[0, 1:4, 0:3].ravel()) == {2}
    assert set(labels[2, 1:4, 2:5].ravel()) == {2}
    mask[1, 2] = True  # now they touch in a frame
    assert objects.instances(mask).max() == 1


def test_run_lengths_boxes_and_areas_by_hand():
    labels = np.zeros((3, 4), np.uint8)
    labels[1:3, 1] = 1
    labels[0, 3] = 2
    first, second = outputs.described(labels)
    assert first == {
        "label": 1,
        "area": 2,
        "bbox": [1, 1, 1, 2],
        "segmentation": {"size": [3, 4], "counts": [4, 2, 6]},
    }
    assert second["bbox"] == [3, 0, 1, 1]
    assert second["segmentation"]["counts"] == [9, 1, 2]
    assert outputs.described(np.zeros((3, 4), np.uint8)) == []


@pytest.mark.parametrize("seed", range(4))
def test_run_lengths_give_the_mask_again(seed):
    labels = (np.random.default_rng(seed).random((7, 9)) > 0.5).astype(np.uint8)
    labels[0, 0], labels[-1, -1] = seed % 2, seed // 2
    (found,) = outputs.described(labels)
    np.testing.assert_array_equal(decoded(found["segmentation"]), labels > 0)
    assert sum(found["segmentation"]["counts"]) == labels.size


def test_the_overlay_changes_the_object_alone():
    frame = np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)
    labels = np.zeros((240, 320), np.uint8)
    labels[50:90, 100:180] = 1
    result = outputs.overlay(frame, labels)
    assert (result[labels == 0] == frame[labels == 0]).all()
    assert (result[labels == 1] != frame[labels == 1]).any()


@pytest.mark.parametrize(("count", "size"), [(1, (1, 1)), (4, (1, 4)), (5, (2, 4)), (12, (3, 4))])
def test_the_sheet_has_rows_of_four(count, size):
    pictures = [np.full((6, 8, 3), n, np.uint8) for n in range(count)]
    result = outputs.sheet(pictures)
    assert result.shape == (size[0] * 6, size[1] * 8, 3)
    last = divmod(count - 1, 4)
    assert (result[last[0] * 6 : last[0] * 6 + 6, last[1] * 8 : last[1] * 8 + 8] == count - 1).all()


@pytest.mark.parametrize("film", [True, False])
def test_all_files_of_a_video(tmp_path, film):
    labels = [np.zeros((30, 41), np.uint8) for _ in range(3)]
    labels[1][5:9, 6:20] = 1
    frame = np.full((30, 41, 3), 90, np.uint8)
    outputs.write(tmp_path, lambda t: frame, iter(labels), 3, 12.0, film, {"video": "clip"})
    assert (tmp_path / outputs.FILM).is_file() == film
    for t, expected in enumerate(labels):
        with Image.open(tmp_path / "masks" / f"{t:05d}.png") as image:
            np.testing.assert_array_equal(np.asarray(image), expected)
            assert image.getpalette()[:6] == [0, 0, 0, 128, 0, 0]
    written = json.loads((tmp_path / outputs.JSON).read_text())
    assert written["video"] == "clip"
    assert [len(entry["objects"]) for entry in written["frames"]] == [0, 1, 0]
    with Image.open(tmp_path / outputs.SHEET) as sheet:
        assert sheet.size == (3 * outputs.WIDTH, round(30 * outputs.WIDTH / 41))
