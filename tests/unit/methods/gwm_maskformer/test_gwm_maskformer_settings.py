"""Settings of Guess What Moves with MaskFormer."""

from typing import get_args

import pytest

from commonfate.base.errors import ConfigError
from commonfate.base.settings import from_pairs, to_pairs
from commonfate.methods import create
from commonfate.methods.gwm.settings import GwmSettings
from commonfate.methods.gwm_maskformer.settings import GwmMaskFormerSettings
from commonfate.models.catalogue import BACKBONES, PRETRAININGS


def allowed(key):
    return set(get_args(GwmMaskFormerSettings.model_fields[key].annotation))


def test_defaults_are_the_papers_recipe():
    settings = GwmMaskFormerSettings()
    assert (settings.backbone, settings.pretraining, settings.size) == (
        "vit_base_8",
        "dino",
        "full",
    )
    assert (settings.batch_size, settings.learning_rate, settings.clip_norm) == (8, 1.5e-4, 0.01)
    assert (settings.warmup_from, settings.warmup_iterations, settings.iterations) == (
        1e-6,
        1500,
        15_000,
    )
    differs = {
        key
        for key, value in settings.model_dump().items()
        if GwmSettings().model_dump().get(key, value) != value
    }
    assert differs == {"method", "backbone", "batch_size", "learning_rate", "clip_norm"}


def test_every_backbone_and_pretraining_can_be_named():
    assert allowed("backbone") == set(BACKBONES)
    assert allowed("pretraining") == {way for ways in PRETRAININGS.values() for way in ways}
    for backbone, ways in PRETRAININGS.items():
        for way in ways:
            settings = GwmMaskFormerSettings(backbone=backbone, pretraining=way)
            assert from_pairs(GwmMaskFormerSettings, to_pairs(settings)) == settings


def test_slugs():
    assert GwmMaskFormerSettings().slug == ("vit_base_8", "dino", "quadratic", "k4")
    small = GwmMaskFormerSettings(backbone="swin_tiny", pretraining="moby", size="small")
    assert small.slug == ("swin.small", "none", "quadratic", "k4")


@pytest.mark.parametrize(
    ("settings", "frozen"),
    [
        ({}, True),
        ({"freeze_backbone": False}, False),
        ({"pretraining": "none"}, False),
        ({"size": "small"}, False),  # random weights
        ({"size": "small", "freeze_backbone": True}, True),
        ({"backbone": "swin_tiny", "pretraining": "moby"}, False),
        ({"backbone": "resnet50", "pretraining": "supervised"}, False),
    ],
)
def test_only_dino_weights_are_frozen_unasked(settings, frozen):
    assert GwmMaskFormerSettings(**settings).frozen == frozen


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        (
            ["backbone=resnet50"],
            "pretraining 'dino' is not one of resnet50's: none, supervised",
        ),
        (
            ["backbone=swin_tiny", "pretraining=none", "patch_stride=4"],
            "patch_stride and hierarchy are a ViT's, not swin_tiny's",
        ),
        (
            ["size=small", "weights=a.pth"],
            "weights 'a.pth' are not read with size small and pretraining dino; leave",
        ),
        (["pretraining=none", "weights=a.pth"], "not read with size full and pretraining none"),
        (["image_size=[120, 224]"], r"image_size \(120, 224\) must be multiples of 16"),
    ],
)
def test_settings_that_contradict_each_other(pairs, message):
    with pytest.raises(ConfigError, match=message):
        from_pairs(GwmMaskFormerSettings, pairs)


def test_the_released_protocol_is_a_choice_of_keys():
    released = from_pairs(
        GwmMaskFormerSettings,
        [
            "variant=released",
            "upsample=probabilities",
            "clip_flow=20",
            "iterations=20000",
            "decay_iterations=160000",
            "warmup_from=1.5e-10",
            "merge.epsilon=1e-6",
            "freeze_backbone=true",
            "patch_stride=4",
            "hierarchy=false",
        ],
    )
    first, last = (create(released).learning_rate(iteration) for iteration in (0, 19_999))
    assert first == pytest.approx(1e-6 * 1.5e-4)
    assert last > 0.88 * released.learning_rate  # the decay has hardly begun where training ends
