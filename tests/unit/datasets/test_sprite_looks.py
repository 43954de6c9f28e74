"""Looks of the embedded objects: any, or bound to the class; labels of whole images."""

import hashlib
from itertools import product

import numpy as np
import pytest
from PIL import Image

from commonfate import datasets
from commonfate.datasets.settings import SpriteImagesConfig, SpritesConfig
from commonfate.datasets.sprites import crops, produce, shapes, textures

SIZE = (64, 96)
BY_CLASS = SpriteImagesConfig(images=2, train_images=2, size=SIZE, look="by_class")
PHOTOS = SpriteImagesConfig(
    images=3, train_images=12, size=SIZE, look="by_class", objects=1, labels="classes"
)

MEANS = ((107.43, 85.68, 126.74, 101.32), (88.75, 101.38, 109.12, 91.03))
"""Mean grey values of the quarters of two images, as before there was a choice of looks."""


def pixels(file):
    return np.asarray(Image.open(file))


def listed(config, root):
    return datasets.videos("sprites", config, root)


def test_the_default_look_renders_what_it_always_did(tmp_path):
    produce.produce(SpriteImagesConfig(images=2, size=SIZE), tmp_path)
    masks = b"".join(pixels(tmp_path / f"masks/image_000{n}.png").tobytes() for n in (0, 1))
    assert hashlib.sha256(masks).hexdigest()[:16] == "9a819474ec50468d"
    # Means of quarters, since the last bit of a pixel may differ between processors.
    for number, means in enumerate(MEANS):
        image = pixels(tmp_path / f"images/image_000{number}.png").astype(float)
        quarters = image.reshape(2, 32, 2, 48, 3).mean((1, 3, 4)).ravel()
        assert quarters == pytest.approx(means, abs=0.1)


def test_classes_share_no_crop_and_splits_share_no_pixel():
    assert len(shapes.CLASSES) == crops.CLASSES == 5
    own = {
        (label, split): crops.looks(label, split)
        for label, split in product(range(5), ("train", "val"))
    }
    photographs = [{crop.photograph for crop in own[label, "train"]} for label in range(5)]
    assert len(set.union(*photographs)) == sum(map(len, photographs))  # none is of two classes
    for label in range(5):
        for left, right in zip(own[label, "train"], own[label, "val"], strict=True):
            whole = textures.photograph(left.photograph)
            width = whole.shape[1]
            assert round(left.right * width) == round(right.left * width)
            assert (left.top, left.bottom) == (right.top, right.bottom)
            assert min(textures.pixels(left).shape[:2]) > 50


def test_a_look_changes_the_textures_of_objects_alone(tmp_path):
    produce.produce(BY_CLASS.model_copy(update={"look": "any"}), tmp_path / "any")
    produce.produce(BY_CLASS, tmp_path / "own")
    for video in listed(BY_CLASS, tmp_path / "own"):
        mask = pixels(video.annotation_files[0])
        assert np.array_equal(mask, pixels(tmp_path / f"any/masks/{video.id}.png"))
        assert video.label == ""


def test_an_image_of_one_thing_has_a_label(tmp_path):
    videos = listed(PHOTOS, tmp_path)
    train = [video for video in videos if video.split == "train"]
    assert [video.label for video in videos[:3]] == ["astronaut_1", "chelsea", "coins"]
    assert [video.label for video in train[:10]] == [
        crops.names()[number] for number in (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
    ]
    assert train[10].label == "astronaut_1" and len(set(crops.names())) == 10
    produce.produce(PHOTOS, tmp_path)
    for number, video in enumerate(train):
        assert set(np.unique(pixels(video.annotation_files[0]))) == {0, 1 + number % 5}


def test_images_of_one_object_with_any_look_have_no_label(tmp_path):
    config = SpriteImagesConfig(images=2, size=SIZE, objects=1)
    assert [video.label for video in listed(config, tmp_path)] == ["", ""]
    produce.produce(config, tmp_path)
    assert all(pixels(v.annotation_files[0]).max() == 1 for v in listed(config, tmp_path))


def test_videos_with_masks_of_classes(tmp_path):
    config = SpritesConfig(videos=2, frames=3, size=SIZE, labels="classes", look="by_class")
    produce.produce(config, tmp_path / "classes")
    objects = config.model_copy(update={"labels": "instances"})
    produce.produce(objects, tmp_path / "objects")
    assert datasets.class_names(config)[1:] == shapes.CLASSES
    for number, video in enumerate(listed(config, tmp_path / "classes")):
        assert video.annotation_kind == "classes"
        for file in video.annotation_files:
            labels = pixels(file)
            other = pixels(file.replace("classes/masks", "objects/masks"))
            assert np.array_equal(labels > 0, other > 0)
            assert set(labels[other == 1]) <= {1 + number}  # the first object's class goes round
