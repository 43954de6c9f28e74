"""Settings of FlowDINO: the paper's loss, the released training, and values that are refused."""

import pytest

from commonfate.base.errors import ConfigError
from commonfate.base.settings import from_pairs
from commonfate.methods.flowdino.settings import (
    RELEASED_LOSS,
    FlowDinoSettings,
    FlowLossSettings,
)


def test_steps_and_rate_follow_from_the_batch():
    settings = FlowDinoSettings()
    assert settings.iterations == 5 * (1_281_167 // settings.batch_size)
    assert settings.learning_rate == pytest.approx(1e-4 * settings.batch_size / 256)


def test_the_released_loss_differs_from_the_paper_in_three_keys():
    paper = FlowLossSettings().model_dump()
    changed = {key for key, value in RELEASED_LOSS.model_dump().items() if value != paper[key]}
    assert changed == {"still_below", "divergence", "weights"}


def test_rows_of_table_3():
    pairs = ["flow.window=5", "flow.remove_background=false", "flow.weights=equal"]
    loss = from_pairs(FlowDinoSettings, pairs).flow
    assert (loss.window, loss.remove_background, loss.weights) == (5, False, "equal")


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ("flow.sigma=0", "flow.sigma = 0: Input should be greater than 0"),
        ("flow.weights=norm", "flow.weights = 'norm': Input should be 'motion', 'similarity'"),
        ("flow.margin=0.1", "flow.margin is unknown"),
        ("flow.still_below=1", "flow.still_below = 1: Input should be less than 1"),
        ("global_crop=225", "global_crop 225 must be a multiple of patch 16"),
    ],
)
def test_values_that_are_refused(pair, message):
    with pytest.raises(ConfigError, match="--set: ") as error:
        from_pairs(FlowDinoSettings, [pair])
    assert message in str(error.value)
