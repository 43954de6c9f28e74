"""Settings and recipe of the fine-tuning on labelled images."""

import pytest
from torch.optim import SGD

from commonfate.base.errors import ConfigError
from commonfate.base.settings import from_pairs, to_pairs
from commonfate.methods import create
from commonfate.methods.semantic.settings import STRIDE, SemanticSettings
from commonfate.models import dilated_resnet

PAPER = create(SemanticSettings())


def test_defaults_are_the_papers():
    settings = SemanticSettings()
    assert (settings.iterations, settings.batch_size, settings.classes) == (40_000, 16, 21)
    assert (settings.learning_rate, settings.decay_power) == (0.01, 0.9)


def test_what_the_plan_must_know():
    settings = SemanticSettings()
    assert (settings.trained, settings.reads_frame, settings.reads_flow) == (True, True, False)
    assert settings.learns_from == "labels"


@pytest.mark.parametrize(
    ("iteration", "expected"),
    [(0, 0.01), (20_000, 1e-4 + (0.01 - 1e-4) * 0.5**0.9), (40_000, 1e-4)],
)
def test_learning_rate_decays_polynomially_to_the_smallest(iteration, expected):
    assert PAPER.learning_rate(iteration) == pytest.approx(expected)


def test_sgd_decays_every_parameter():
    method = create(SemanticSettings(size="small"))
    model = method.build()
    optimiser = method.optimiser(model)
    assert isinstance(optimiser, SGD)
    (group,) = optimiser.param_groups
    assert (group["lr"], group["momentum"], group["weight_decay"]) == (0.01, 0.9, 5e-4)
    assert len(group["params"]) == len(list(model.parameters()))


def test_slug_tells_size_and_classes_and_not_the_start():
    assert SemanticSettings(start="a.pt").slug == ("resnet50", "c21")
    assert SemanticSettings(size="small", classes=4).slug == ("resnet.small", "c4")
    assert set(SemanticSettings.named) == {"size", "classes"}


def test_settings_survive_the_command_line():
    settings = SemanticSettings(start="results/runs/amd/checkpoint.pt", crop_size=(64, 96))
    assert from_pairs(SemanticSettings, to_pairs(settings)) == settings


def test_stride_is_the_networks():
    assert STRIDE == dilated_resnet.STRIDE


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ("crop_size=[64, 100]", r"crop_size \(64, 100\) must be multiples of 8"),
        ("scale_range=[2, 0.5]", r"scale_range \(2.0, 0.5\) must be the smaller factor first"),
        ("min_learning_rate=0.1", "min_learning_rate 0.1 must be at most learning_rate 0.01"),
        ("classes=256", "less than or equal to 255"),
        ("class_share=0", "greater than 0"),
    ],
)
def test_what_cannot_be_is_refused(pair, message):
    with pytest.raises(ConfigError, match=message):
        from_pairs(SemanticSettings, [pair])
