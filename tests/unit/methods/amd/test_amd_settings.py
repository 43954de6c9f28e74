"""Settings of AMD: the paper's by default, and what contradicts itself is refused."""

import pytest

from commonfate.base.errors import ConfigError
from commonfate.base.settings import from_pairs, to_pairs
from commonfate.methods.amd.settings import AmdSettings


def test_defaults_are_the_papers():
    settings = AmdSettings()
    assert (settings.segments, settings.short_side, settings.crop) == (5, 400, (384, 384))
    assert (settings.batch_size, settings.iterations) == (16, 400_000)
    assert (settings.learning_rate, settings.weight_decay) == (1e-4, 1e-6)
    assert (settings.variant, settings.flip, settings.augmentation) == ("paper", True, "light")
    assert settings.clip_norm is None


def test_names_of_runs():
    assert AmdSettings().slug == ("resnet50", "paper", "c5")
    small = AmdSettings(size="small", variant="released", segments=8)
    assert small.slug == ("resnet.small", "released", "c8")


def test_settings_survive_the_command_line():
    settings = AmdSettings(motion_size=(384, 640), crop=(128, 192), clip_norm=1.0)
    assert from_pairs(AmdSettings, to_pairs(settings)) == settings
    assert from_pairs(AmdSettings, to_pairs(AmdSettings())) == AmdSettings()


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        (["crop=[100, 128]"], r"crop, without a motion_size, \(100, 128\) must be multiples of 64"),
        (["motion_size=[384, 600]"], r"motion_size \(384, 600\) must be multiples of 64"),
        (["short_side=200"], r"crop \(384, 384\) does not fit frames of short_side 200"),
        (["segments=1"], "segments = 1"),
        (["variant=relased"], "variant = 'relased'"),
    ],
)
def test_settings_that_contradict_each_other(pairs, message):
    with pytest.raises(ConfigError, match=message):
        from_pairs(AmdSettings, pairs)


def test_crops_of_any_size_where_the_motion_pathway_has_its_own():
    assert AmdSettings(crop=(100, 130), short_side=120, motion_size=(128, 128)).crop == (100, 130)
