"""Pairs of frames as AMD learns from them: both alike in all that is drawn."""

import pickle

import cv2
import numpy as np
import pytest
import torch

from commonfate.base.errors import UserError
from commonfate.methods import create
from commonfate.methods.amd.samples import HEAVY, resize_short_side
from commonfate.methods.amd.settings import AmdSettings
from commonfate.samples.augment import augment, channels_first
from commonfate.samples.example import Example

SMALL = {"size": "small", "short_side": 80, "crop": (64, 64)}


def prepared(frame, other, flip=False, seed=0, **settings):
    method = create(AmdSettings(**(SMALL | settings)))
    images = method.prepare(Example(frame, other=other, flip=flip, seed=seed))["images"]
    assert images.dtype == torch.uint8
    return images


@pytest.fixture
def pair():
    """Two frames of 80x120, smooth, of which the second is the first with all values 9 higher."""
    generator = np.random.default_rng(0)
    coarse = generator.integers(0, 240, (10, 15, 3)).astype(np.uint8)
    first = cv2.resize(coarse, (120, 80), interpolation=cv2.INTER_LINEAR)
    return first, first + np.uint8(9)


def test_a_sample_is_two_crops_of_the_same_place(pair):
    images = prepared(*pair)
    assert images.shape == (2, 3, 64, 64)
    assert (images[1].int() - images[0].int() == 9).all()
    whole = torch.from_numpy(pair[0]).permute(2, 0, 1)
    places = [
        (top, left)
        for top in range(17)
        for left in range(57)
        if torch.equal(whole[:, top : top + 64, left : left + 64], images[0])
    ]
    assert len(places) == 1


def test_places_are_drawn_from_all_of_the_frame():
    rows, columns = np.mgrid[:80, :120]
    frame = np.stack([rows, columns, rows], -1).astype(np.uint8)
    corners = {
        tuple(prepared(frame, frame, seed=seed)[0, :2, 0, 0].tolist()) for seed in range(300)
    }
    tops, lefts = zip(*corners, strict=True)
    assert (min(tops), max(tops)) == (0, 16)
    assert min(lefts) < 3
    assert 53 < max(lefts) <= 56


@pytest.mark.parametrize("augmentation", ["light", "heavy"])
def test_the_seed_decides(pair, augmentation):
    first, again, other = (prepared(*pair, seed=s, augmentation=augmentation) for s in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_samples_are_the_same_in_another_process(pair):
    method = create(AmdSettings(**SMALL, augmentation="heavy"))
    example = Example(pair[0], other=pair[1], flip=True, seed=5)
    again = pickle.loads(pickle.dumps(method)).prepare(example)
    assert torch.equal(method.prepare(example)["images"], again["images"])


@pytest.mark.parametrize("seed", range(3))
def test_flip_mirrors_both(pair, seed):
    straight, mirrored = (prepared(*pair, flip=flip, seed=seed) for flip in (False, True))
    assert torch.equal(mirrored, straight.flip(3))


@pytest.mark.parametrize("seed", range(8))
def test_heavy_changes_both_frames_alike(pair, seed):
    """The same frame twice stays the same frame twice."""
    heavy = prepared(pair[0], pair[0], seed=seed, augmentation="heavy")
    assert torch.equal(heavy[0], heavy[1])


def test_heavy_changes_most_samples_in_their_look_alone(pair):
    light = [prepared(*pair, seed=seed) for seed in range(20)]
    heavy = [prepared(*pair, seed=seed, augmentation="heavy") for seed in range(20)]
    same = sum(torch.equal(a, b) for a, b in zip(light, heavy, strict=True))
    assert same < 8  # a tenth is left as it is: 0.2 * 0.8 * 0.5 = 0.08 of 20
    for a, b in zip(light, heavy, strict=True):
        brightness = torch.stack([images.float().mean((0, 1)).flatten() for images in (a, b)])
        assert torch.corrcoef(brightness)[0, 1] > 0.7  # the same crop


def test_shares_of_changes():
    """Of 400 colourful frames, a fifth is grey."""
    frame = np.zeros((8, 8, 3), np.uint8)
    frame[..., 0], frame[:4, :, 1], frame[:, :4, 2] = 180, 90, 60
    image = channels_first([frame])
    drawn = [augment(HEAVY, image, seed) for seed in range(400)]
    grey = sum(bool((changed == changed[:, :1]).all()) for changed in drawn) / 400
    untouched = sum(torch.equal(changed, image) for changed in drawn) / 400
    assert 0.14 < grey < 0.26
    assert 0.04 < untouched < 0.13


def test_other_random_numbers_are_left_alone():
    """Neither read nor moved: the training's own state decides on nothing here."""
    image = torch.randint(0, 256, (1, 3, 8, 8), dtype=torch.uint8)
    results, states = [], []
    for before in range(3):
        torch.manual_seed(before)
        state = torch.get_rng_state()
        results.append(augment(HEAVY, image, 7))
        states.append(torch.equal(state, torch.get_rng_state()))
    assert all(states)
    assert all(torch.equal(result, results[0]) for result in results)


def test_frames_of_different_size_are_refused(pair):
    with pytest.raises(UserError, match=r"120x80 and 100x80, but must have one size"):
        prepared(pair[0], pair[1][:, :100])


@pytest.mark.parametrize("shape", [(20, 30), (64, 64), (7, 300), (300, 7), (1, 1), (200, 90)])
@pytest.mark.parametrize("crop", [(64, 64), (64, 128), (64, 192)])
def test_small_narrow_and_large_frames_fill_the_crop(shape, crop):
    frame = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    assert prepared(frame, frame, crop=crop).shape == (2, 3, *crop)


def test_the_shorter_side_gets_its_length_and_the_shape_is_kept():
    def size(height, width, *args):
        return resize_short_side(np.zeros((height, width, 3), np.uint8), *args).shape[:2]

    assert size(480, 854, 400) == (400, 712)
    assert size(854, 480, 400) == (712, 400)
    assert size(100, 150, 400) == (400, 600)
    assert size(100, 150, 400, (384, 700)) == (467, 700)
    frame = np.zeros((400, 500, 3), np.uint8)
    assert resize_short_side(frame, 400) is frame


def test_reducing_takes_means_over_areas():
    stripes = np.zeros((40, 40, 3), np.uint8)
    stripes[:, ::2] = 200
    assert (resize_short_side(stripes, 20) == 100).all()
