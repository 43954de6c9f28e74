"""Augmentation of images with labels."""

import numpy as np
import pytest
import torch

from commonfate.base.errors import UserError
from commonfate.methods import create
from commonfate.methods.semantic.samples import PADDING, distort, resize_labels, resized_size
from commonfate.methods.semantic.settings import VOID, SemanticSettings
from commonfate.samples.example import Example

COLOURS = np.array([[250, 0, 0], [0, 250, 0], [0, 0, 250], [250, 250, 0]], np.uint8)
"""Of the classes."""
PLAIN = {
    "classes": 4,
    "short_side": 60,
    "crop_size": (40, 48),
    "distort_colours": False,
}


def method(**settings):
    return create(SemanticSettings(**(PLAIN | settings)))


def example(size=(60, 80), **options):
    """Four rectangles, one of each class, in the colour of the class."""
    labels = np.zeros(size, np.uint8)
    labels[size[0] // 2 :] += 2
    labels[:, size[1] // 3 :] += 1
    return Example(frame=COLOURS[labels], labels=labels, **options)


def test_crops_have_the_size_and_types_that_the_loss_takes():
    prepared = method().prepare(example())
    assert {key: tuple(value.shape) for key, value in prepared.items()} == {
        "image": (3, 40, 48),
        "labels": (40, 48),
    }
    assert (prepared["image"].dtype, prepared["labels"].dtype) == (torch.float32, torch.uint8)
    assert 0 <= prepared["image"].min() < prepared["image"].max() <= 1


def test_the_seed_alone_decides():
    subject = method(distort_colours=True)
    first, again, other = (subject.prepare(example(seed=seed)) for seed in (5, 5, 6))
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not torch.equal(first["image"], other["image"])


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_labels_stay_with_the_image(flip, seed):
    prepared = method().prepare(example(flip=flip, seed=seed))
    image = 255 * prepared["image"].permute(1, 2, 0).numpy()
    labels = prepared["labels"].numpy()
    distance = np.abs(image[:, :, None] - COLOURS.astype(float)).sum(-1)
    inside = (labels != VOID) & (distance.min(-1) < 1)  # edges of classes are blended
    assert inside.mean() > 0.5
    assert np.array_equal(distance.argmin(-1)[inside], labels[inside])
    padding = labels == VOID
    assert np.abs(image[padding] - PADDING).max(initial=0) < 1e-3


def test_flip_mirrors_what_is_seen():
    whole = {"scale_range": (1, 1), "crop_size": (64, 80), "short_side": 64}
    straight, mirrored = (
        method(**whole).prepare(example((64, 80), flip=flip)) for flip in (False, True)
    )
    assert all(torch.equal(straight[key].flip(-1), mirrored[key]) for key in straight)


def test_what_a_crop_lacks_is_void_below_and_on_the_right():
    prepared = method(scale_range=(0.5, 0.5)).prepare(example())  # 30x40
    labels = prepared["labels"]
    assert (labels[:30, :40] != VOID).all()
    assert (labels[30:] == VOID).all()
    assert (labels[:, 40:] == VOID).all()
    assert torch.allclose(255 * prepared["image"][:, 39, 47], torch.tensor(PADDING).float())


def test_void_labels_stay_void():
    subject = method(scale_range=(1, 1), crop_size=(64, 80), short_side=64)
    item = example((64, 80))
    item.labels[:, :10] = VOID
    assert torch.equal(subject.prepare(item)["labels"], torch.from_numpy(item.labels))


def test_crops_of_one_class_are_drawn_anew():
    """Of 113 places of the crop, 23 have less than three quarters of one class."""
    labels = np.zeros((40, 160), np.uint8)
    labels[:, 80:] = 1
    counts = {}
    for share in (0.75, 1):
        subject = method(short_side=40, scale_range=(1, 1), class_share=share)
        drawn = [Example(COLOURS[labels], labels=labels, seed=seed) for seed in range(40)]
        ones = [subject.prepare(item)["labels"].float().mean() for item in drawn]
        counts[share] = sum(0.25 < float(item) < 0.75 for item in ones)
    assert counts[0.75] > 30  # 40 * (1 - (90 / 113)**11) = 37 expected
    assert 1 <= counts[1] < 17  # 8 expected


def test_scales_are_drawn_from_the_whole_range():
    subject = method(crop_size=(120, 160), class_share=1)
    heights = [
        int((subject.prepare(example(seed=seed))["labels"][:, 0] != VOID).sum())
        for seed in range(40)
    ]
    assert 30 <= min(heights) < 45
    assert 105 < max(heights) <= 120


@pytest.mark.parametrize(
    ("size", "expected"),
    [((375, 500), (512, 683)), ((500, 375), (683, 512)), ((100, 1000), (205, 2048))],
)
def test_images_are_fitted_into_2048x512(size, expected):
    assert resized_size(size, 512) == expected


def test_labels_are_of_the_nearest_pixel():
    labels = np.array([[0, 1, 2, 3]], np.uint8)
    assert resize_labels(labels, (1, 8)).tolist() == [[0, 0, 1, 1, 2, 2, 3, 3]]


def test_distortion_changes_colours_within_its_ranges():
    grey = np.full((4, 4, 3), 100, np.uint8)
    generator = np.random.default_rng(0)
    values = [distort(grey, generator) for _ in range(400)]
    assert all((item == item[0, 0, 0]).all() for item in values)  # grey has no hue
    levels = np.array([int(item[0, 0, 0]) for item in values])
    assert 34 <= levels.min() < 60  # 0.5 * (100 - 32)
    assert 160 < levels.max() <= 198  # 1.5 * (100 + 32)
    unchanged = (levels == 100).sum()
    assert 75 < unchanged < 135  # a quarter has neither brightness nor contrast


def test_distortion_turns_hue_to_both_sides_by_at_most_36_degrees():
    red = np.zeros((2, 2, 3), np.uint8)
    red[..., 0] = 120
    generator = np.random.default_rng(0)
    result = [distort(red, generator)[0, 0].astype(float) for _ in range(200)]
    assert all(item.argmax() == 0 for item in result)
    # 36 degrees are three fifths of the way from red to yellow or to magenta.
    turned = [(item[1] - item[2]) / (item.max() - item.min()) for item in result]
    assert -0.65 < min(turned) < -0.5 < 0.5 < max(turned) < 0.65


def test_labels_of_another_size_are_refused():
    item = Example(frame=np.zeros((30, 40, 3), np.uint8), labels=np.zeros((40, 30), np.uint8))
    with pytest.raises(UserError, match="labels of 40x30 pixels for an image of 30x40"):
        method().prepare(item)


def test_unknown_classes_are_refused():
    item = example()
    item.labels[0, 0] = 7
    with pytest.raises(UserError, match=r"class 7, but classes=4 .*; set classes to 8 or more"):
        method().prepare(item)
