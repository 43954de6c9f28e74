"""OpenCV's estimators: known shifts, signs, and independence of batch and threads."""

import cv2
import numpy as np
import pytest
import torch
from skimage import data

from commonfate.base.errors import UserError
from commonfate.flow.estimators import registry as estimators
from commonfate.flow.settings import FlowSource


@pytest.fixture(scope="module")
def photograph() -> np.ndarray:
    return cv2.cvtColor(data.gravel()[:260, :300], cv2.COLOR_GRAY2RGB)


def pair(first: np.ndarray, second: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.stack([first, second])).permute(0, 3, 1, 2)[None]


@pytest.mark.parametrize("name", ["dis", "farneback"])
@pytest.mark.parametrize(("right", "down"), [(3, 0), (0, -2), (-4, 5)])
def test_recovers_the_shift_of_a_picture_with_its_sign(photograph, name, right, down):
    # What is at x in the first picture is at x + (right, down) in the second.
    first = photograph[20:-20, 20:-20]
    second = photograph[20 - down : 240 - down, 20 - right : 280 - right]
    flow = estimators.create(FlowSource(estimator=name)).estimate(pair(first, second))[0].numpy()
    assert flow.shape == (2, 220, 260)
    assert flow.dtype == np.float32
    inner = flow[:, 16:-16, 16:-16]
    np.testing.assert_allclose(np.median(inner, axis=(1, 2)), [right, down], atol=0.05)
    assert np.hypot(inner[0] - right, inner[1] - down).mean() < 0.1


def test_floats_and_bytes_are_the_same_picture(photograph):
    images = pair(photograph[:-2], photograph[2:])
    dis = estimators.create(FlowSource(estimator="dis"))
    torch.testing.assert_close(dis.estimate(images), dis.estimate(images.float() / 255))


def test_flow_depends_on_neither_batch_nor_threads(photograph):
    shifts = [(first, second) for first in (0, 3) for second in (1, 5)]
    images = torch.cat([pair(photograph[a : a + 200], photograph[b : b + 200]) for a, b in shifts])
    dis = estimators.create(FlowSource(estimator="dis", preset="fast"))
    before = cv2.getNumThreads()
    try:
        results = []
        for threads in (1, 3):
            cv2.setNumThreads(threads)
            results += [dis.estimate(images), torch.cat([dis.estimate(i[None]) for i in images])]
    finally:
        cv2.setNumThreads(before)
    for other in results[1:]:
        torch.testing.assert_close(other, results[0], rtol=0, atol=0)


def test_a_setting_that_does_not_fit_is_refused():
    with pytest.raises(UserError, match="flow estimator dis: it has no weights; leave it out"):
        estimators.create(FlowSource(estimator="dis", weights="things"))
    with pytest.raises(UserError, match="flow estimator farneback: it has no iterations"):
        estimators.create(FlowSource(estimator="farneback", iterations=3))


def test_frames_that_opencv_cannot_work_on_are_refused():
    dis = estimators.create(FlowSource(estimator="dis"))
    with pytest.raises(UserError, match="dis: frames of 8x8 are too small, or OpenCV fails"):
        dis.estimate(torch.zeros(2, 2, 3, 8, 8, dtype=torch.uint8))


def test_description_names_what_makes_the_flow():
    dis = estimators.create(FlowSource(estimator="dis", preset="fast"))
    assert dis.name == "dis"
    assert dis.description == f"DIS (OpenCV {cv2.__version__}, preset fast)"
    assert dis.weights_sha256 is None


@pytest.mark.parametrize("preset", ["ultrafast", "fast", "medium", "finest"])
def test_an_object_that_is_used_again_gives_what_a_new_one_gives(photograph, preset):
    grey = [photograph[shift : shift + 200, :, 0].copy() for shift in (0, 2, 5)]
    pairs = [(grey[0], grey[1]), (grey[2], grey[0]), (grey[0], grey[1])]
    source = FlowSource(estimator="dis", preset=preset)
    used = estimators.create(source)
    for pair_of_grey in pairs:
        again = used.estimate_pairs([pair_of_grey])
        fresh = estimators.create(source).estimate_pairs([pair_of_grey])
        np.testing.assert_array_equal(again, fresh)


def test_frames_are_turned_grey_once_and_opencv_is_left_as_it_was(photograph):
    before = cv2.ipp.useIPP(), cv2.getNumThreads()
    dis = estimators.create(FlowSource(estimator="dis"))
    grey = dis.encode([photograph, photograph[::-1].copy()])
    assert [image.shape for image in grey] == [photograph.shape[:2]] * 2
    dis.estimate_pairs([(grey[0], grey[1])])
    assert (cv2.ipp.useIPP(), cv2.getNumThreads()) == before
    assert dis.workers == cv2.getNumThreads()
