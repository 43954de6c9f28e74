"""Crops: sizes, their own draws, and images of odd shapes."""

import numpy as np
import pytest
import torch

from commonfate.methods.dino.settings import DinoSettings
from commonfate.methods.distillation.crops import crop, crops
from commonfate.samples.augment import augment

SETTINGS = DinoSettings(patch=8, global_crop=32, local_crop=16, local_crops=5)


@pytest.fixture
def frame():
    return np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)


def test_two_global_and_five_local_crops(frame):
    views = crops(SETTINGS, frame, 3)
    assert views["global_crops"].shape == (2, 3, 32, 32)
    assert views["local_crops"].shape == (5, 3, 16, 16)
    assert views["global_crops"].dtype == views["local_crops"].dtype == torch.uint8


def test_they_are_a_function_of_the_seed(frame):
    state = torch.get_rng_state()
    first, again, other = (crops(SETTINGS, frame, seed) for seed in (3, 3, 4))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["global_crops"], other["global_crops"])
    assert torch.equal(torch.get_rng_state(), state)


def test_each_crop_has_its_own_draws():
    """Of a picture whose left half is dark, some crops are mirrored and some are not."""
    frame = np.zeros((64, 64, 3), np.uint8)
    frame[:, 32:] = 200
    settings = DinoSettings(
        patch=8, global_crop=32, local_crop=16, local_crops=12, local_scale=(0.9, 1)
    )
    views = crops(settings, frame, 0)["local_crops"].float()
    right_is_brighter = views[..., 8:].mean((1, 2, 3)) > views[..., :8].mean((1, 2, 3))
    assert 0 < int(right_is_brighter.sum()) < 12
    assert len({view.numpy().tobytes() for view in views}) == 12
    unmirrored = crops(settings.model_copy(update={"flip": False}), frame, 0)["local_crops"].float()
    assert (unmirrored[..., 8:].mean((1, 2, 3)) >= unmirrored[..., :8].mean((1, 2, 3))).all()


def test_a_local_crop_covers_less():
    """Of an image whose columns count up, a crop spans as many as its share allows."""
    frame = np.repeat(np.arange(100, dtype=np.uint8)[None, :, None], 100, 0).repeat(3, 2)
    plain = {"flip": False, "blurred": 0.0}
    for scale, least, most in (((0.9, 1.0), 70, 100), ((0.05, 0.1), 10, 45)):
        change = crop(16, scale, **plain)
        change = type(change)(change.transforms[:1])  # the crop alone
        spans = []
        for seed in range(20):
            view = augment(change, torch.from_numpy(frame).permute(2, 0, 1), seed).float()
            spans.append(float(view.max() - view.min()))
        assert least <= min(spans) and max(spans) <= most


def test_shares_of_the_changes():
    """Blur of every first global crop, solarisation of one second in five, grey of one in five."""
    grey, solarised = 0, 0
    black = np.zeros((16, 16, 3), np.uint8)
    white = np.full((16, 16, 3), 255, np.uint8)
    red = np.zeros((16, 16, 3), np.uint8)
    red[..., 0] = 255
    settings = DinoSettings(patch=8, global_crop=16, local_crop=8, local_crops=0)
    for seed in range(200):
        first, second = crops(settings, red, seed)["global_crops"]
        grey += bool((first[0] == first[1]).all() and (first[1] == first[2]).all())
        second = crops(settings, white, seed)["global_crops"][1]
        solarised += bool((second < 128).all())
        assert (crops(settings, black, seed)["global_crops"] == 0).all()
    assert 20 <= grey <= 60
    assert 20 <= solarised <= 60


def test_none_local():
    settings = DinoSettings(patch=8, global_crop=16, local_crop=8, local_crops=0)
    views = crops(settings, np.zeros((20, 20, 3), np.uint8), 0)
    assert views["local_crops"].shape == (0, 3, 8, 8)


@pytest.mark.parametrize("size", [(1, 1), (1, 90), (90, 1), (3, 5), (16, 200)])
def test_images_of_odd_shapes(size):
    views = crops(SETTINGS, np.full((*size, 3), 100, np.uint8), 1)
    assert views["global_crops"].shape == (2, 3, 32, 32)
    assert views["local_crops"].shape == (5, 3, 16, 16)
