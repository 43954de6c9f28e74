"""Names of views, and the geometry of pictures, worked out by hand."""

import pytest
from torchvision.transforms.v2 import functional

from commonfate.base.errors import ConfigError, StoreError
from commonfate.models import encoders
from commonfate.prediction.features import views
from commonfate.prediction.features.views import Placement, View, parse


@pytest.mark.parametrize(
    ("name", "view"),
    [
        ("448.tokens", View("square", 448, ("tokens",))),
        ("448.tokens+attention", View("square", 448, ("tokens", "attention"))),
        ("224.cls", View("imagenet", 224, ("cls",))),
        ("224square.cls", View("square", 224, ("cls",))),
        ("224imagenet.tokens+cls", View("imagenet", 224, ("tokens", "cls"))),
        ("320crop.tokens", View("crop", 320, ("tokens",))),
        ("480short.keys", View("short", 480, ("keys",))),
        ("native.keys", View("native", None, ("keys",))),
        ("native.eigenvectors", View("native", None, ("eigenvectors",))),
        ("native.keys+cls", View("native", None, ("keys", "cls"))),
    ],
)
def test_names_are_read_and_printed(name, view):
    assert parse(name) == view
    assert str(view) == name


def test_names_are_printed_in_one_way():
    assert str(parse("448square.attention+tokens")) == "448.tokens+attention"
    assert str(parse("224imagenet.cls")) == "224.cls"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("448", "expected GEOMETRY.FEATURES"),
        ("448.token", "did you mean tokens"),
        ("0.tokens", "no pixels"),
        ("448round.tokens", "expected GEOMETRY.FEATURES"),
        ("native5.tokens", "expected GEOMETRY.FEATURES"),
        ("448.tokens+tokens", "names tokens twice"),
        ("448.tokens+cls", r"448imagenet\.tokens\+cls or 448square\.tokens\+cls"),
    ],
)
def test_other_names_are_refused(name, message):
    with pytest.raises(ConfigError, match=message):
        parse(name)


def test_features_are_those_of_encoders_and_eigenvectors():
    assert (*encoders.FEATURES, "eigenvectors") == views.FEATURES


@pytest.mark.parametrize(
    ("name", "size", "patch", "placement"),
    [
        ("448.tokens", (480, 854), 16, Placement((448, 448), 0, 0, (448, 448))),
        # 256 * 500 / 375 = 341.33; (341 - 224) / 2 = 58.5, rounded to the even 58.
        ("224.cls", (375, 500), 16, Placement((256, 341), 16, 58, (224, 224))),
        ("224.cls", (500, 375), 16, Placement((341, 256), 58, 16, (224, 224))),
        ("320crop.tokens", (480, 640), 16, Placement((320, 426), 0, 53, (320, 320))),
        # 480 * 854 / 480 = 854, down to 53 patches of 16.
        ("480short.tokens", (480, 854), 16, Placement((480, 848), 0, 0, (480, 848))),
        ("480short.tokens", (960, 481), 16, Placement((944, 480), 0, 0, (944, 480))),
        ("native.keys", (375, 500), 16, Placement((375, 500), 0, 0, (368, 496))),
        ("native.keys", (16, 31), 16, Placement((16, 31), 0, 0, (16, 16))),
        ("448.tokens", (500, 1), 16, Placement((448, 448), 0, 0, (448, 448))),
    ],
)
def test_geometry(name, size, patch, placement):
    assert parse(name).place(size, patch) == placement


def test_sides_are_those_of_torchvision():
    import torch

    view = parse("224.cls")
    for height in (17, 224, 255, 256, 375):
        for width in (19, 256, 333, 500):
            image = torch.zeros(3, height, width, dtype=torch.uint8)
            expected = tuple(functional.resize(image, [256]).shape[1:])
            assert view.place((height, width), 16).resized == expected


@pytest.mark.parametrize(
    ("name", "size", "message"),
    [
        ("native.keys", (15, 500), "500x15 pixels are less than a patch of 16"),
        ("native.keys", (6000, 8000), "187,500 patches"),
        ("480short.tokens", (1, 500), "450,000 patches"),
        ("224.cls", (1, 500), "too narrow"),
    ],
)
def test_pictures_that_do_not_fit_are_refused(name, size, message):
    with pytest.raises(StoreError, match=message):
        parse(name).place(size, 16)


def test_a_size_is_a_multiple_of_the_patch():
    parse("448.tokens").check(14)
    parse("native.keys").check(14)
    with pytest.raises(ConfigError, match="take 308 or 322"):
        parse("320.tokens").check(14)
    with pytest.raises(ConfigError, match=r"take 14$"):
        parse("8.tokens").check(14)
