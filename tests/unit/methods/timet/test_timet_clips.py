"""Clips as tensors: the same crop through a clip, colours once a clip or once a frame."""

import numpy as np
import pytest
import torch

from commonfate.methods.timet.clips import prepare
from commonfate.methods.timet.settings import TimetSettings
from commonfate.samples.example import ClipExample, Example


def frame(seed=0, height=20, width=30):
    coarse = np.random.default_rng(seed).integers(0, 256, (height // 5, width // 5, 3), np.uint8)
    return coarse.repeat(5, 0).repeat(5, 1)


def still(seed=0, flip=False, **changes):
    """A clip of one frame three times, prepared."""
    clip = np.stack([frame()] * 3)
    settings = TimetSettings(crop=16, **changes)
    return prepare(settings, ClipExample(clip[0], clip=clip, flip=flip, seed=seed))["clips"]


@pytest.mark.parametrize("seed", range(5))
def test_equal_frames_stay_equal(seed):
    """Crop, mirror and colours are drawn once a clip."""
    clips = still(seed)
    assert clips.shape == (3, 3, 16, 16) and clips.dtype == torch.uint8
    assert torch.equal(clips[0], clips[1]) and torch.equal(clips[0], clips[2])


def test_colours_of_each_frame_by_itself():
    changed = [still(seed, colour="frame") for seed in range(5)]
    assert any(not torch.equal(clips[0], clips[1]) for clips in changed)


def test_the_crop_stays_the_same_where_colours_change():
    """Of two colours that jitter tells apart in any way, the border lies at the same place."""
    picture = np.zeros((20, 40, 3), np.uint8)
    picture[:, 20:] = 255
    clip = np.stack([picture] * 4)
    for seed in range(10):
        settings = TimetSettings(crop=16, crop_scale=(0.9, 1.0), colour="frame")
        clips = prepare(settings, ClipExample(picture, clip=clip, seed=seed))["clips"].float()
        borders = clips.mean((1, 2)).diff(dim=1).abs().argmax(1)
        assert borders.max() - borders.min() <= 1, seed  # a blurred step has two steepest pixels


def test_the_seed_decides_everything():
    assert torch.equal(still(3), still(3))
    assert len({still(seed).float().mean().item() for seed in range(5)}) > 1


def test_a_mirrored_sample_is_the_mirror_image_of_its_crop():
    """With a crop of the whole square frame, mirroring before it is mirroring afterwards."""
    clip = np.stack([frame(1, 80, 80)] * 2)
    settings = TimetSettings(crop=80, crop_scale=(1.0, 1.0))
    plain, mirrored = (
        prepare(settings, ClipExample(clip[0], clip=clip, flip=flip, seed=4))["clips"].int()
        for flip in (False, True)
    )
    assert (plain.flip(-1) - mirrored).abs().max() <= 1


def test_small_frames_are_enlarged():
    clip = np.full((2, 3, 1, 3), 7, np.uint8)
    example = ClipExample(clip[0], clip=clip)
    assert prepare(TimetSettings(crop=32), example)["clips"].shape == (2, 3, 32, 32)


def test_a_sample_of_another_kind():
    with pytest.raises(ValueError, match="expected a clip"):
        prepare(TimetSettings(), Example(frame()))
