"""Settings of TimeT: those of the paper, those of the code, and values that do not fit."""

import math

import pytest
import torch

from commonfate.base.errors import ConfigError
from commonfate.base.settings import from_pairs, to_pairs
from commonfate.methods.timet.settings import TargetSettings, TimetSettings
from commonfate.models.heads import projection
from commonfate.models.settings import ForwarderSettings

EPOCH = math.ceil(2776 / 128)
"""Steps: 80 % of 3,471 videos in batches of 128."""


def test_defaults_are_the_paper_s():
    settings = TimetSettings()
    assert (settings.prototypes, settings.frames, settings.spacing_s) == (200, 4, 0.5)
    assert settings.targets.form == "soft"
    assert settings.targets.forwarder == ForwarderSettings.equations()
    assert (settings.teacher, settings.queue) == ("none", 0)
    assert len(settings.head) == 3
    assert settings.learning_rate * settings.backbone_factor == pytest.approx(1e-5)
    assert settings.iterations == 30 * EPOCH


def test_released():
    settings = TimetSettings.released(prototypes=300)
    assert len(settings.head) == 4
    assert settings.targets == TargetSettings.released()
    assert settings.targets.form == "argmax"
    assert settings.targets.forwarder == ForwarderSettings()
    assert (settings.teacher, settings.sampling) == ("inverted", "uniform")
    assert settings.prototypes == 300
    assert settings.iterations == 100 * EPOCH
    assert TargetSettings.released(forwards="identity").forwards == "identity"


def test_the_forms_of_the_forwarder():
    forms = [ForwarderSettings(), ForwarderSettings.equations(), ForwarderSettings.listing()]
    assert [form.outside for form in forms] == ["ignored", "similarity_0", "lost"]
    assert [form.top_k for form in forms] == [5, None, None]
    assert [form.context for form in forms] == [7, None, None]


@pytest.mark.parametrize("settings", [TimetSettings(), TimetSettings.released()])
def test_settings_as_text(settings):
    assert from_pairs(TimetSettings, to_pairs(settings)) == settings


@pytest.mark.parametrize(
    ("encoder", "slug"), [("dino.vits16", "dino.vits16"), ("runs/a b.pt", "a_b.pt.4ce284")]
)
def test_slug(encoder, slug):
    assert TimetSettings(encoder=encoder).slug == (slug, "p200")


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ("crop_scale=[0.5, 0.4]", "the smaller first"),
        ("crop_scale=[0.5, 1.4]", "two shares of 1"),
        ("head=[]", "head"),
        ("prototypes=1", "prototypes"),
        ("targets.forwards=masks", "'none', 'identity', 'logits' or 'assignments'"),
        ("targets.temprature=1", "temperature"),
        ("queue=-1", "queue"),
    ],
)
def test_values_that_do_not_fit(pair, message):
    with pytest.raises(ConfigError, match=message):
        from_pairs(TimetSettings, [pair])


@pytest.mark.parametrize(
    ("settings", "shapes"),
    [
        (TimetSettings(), {0: (2048, 384), 2: (2048, 2048), 4: (256, 2048)}),
        (
            TimetSettings.released(),
            {0: (1024, 384), 2: (1024, 1024), 4: (512, 1024), 6: (256, 512)},
        ),
    ],
)
def test_heads_of_timet(settings, shapes):
    with torch.device("meta"):
        head = projection(384, settings.head)
    weights = {name: tuple(p.shape) for name, p in head.state_dict().items() if p.ndim == 2}
    assert weights == {f"{number}.weight": shape for number, shape in shapes.items()}
    assert len(head) == max(shapes) + 1
