"""What has to agree for a training to go on, and for a finished one to count."""

import pytest

from commonfate.training import checkpoint
from commonfate.training.run_folder import RunFolder

RUN = {
    "method": "gwm",
    "settings": {"width": 4, "iterations": 10},
    "seed": 0,
    "samples": "a digest",
    "start": None,
    "code": "a digest",
}
OTHERS = {
    "method": "amd",
    "settings": {"width": 8, "iterations": 10},
    "seed": 1,
    "samples": "another",
    "start": "weights",
}


def begun(tmp_path, iteration):
    folder = RunFolder(tmp_path)
    checkpoint.save(folder.resume, {**RUN, "model": {}, "iteration": iteration})
    return folder


@pytest.mark.parametrize("iteration", [4, 10])
def test_the_same_training_goes_on(tmp_path, iteration):
    assert checkpoint.saved_state(begun(tmp_path, iteration), RUN, 10)["iteration"] == iteration


def test_every_part_of_the_identity_is_tried_here():
    assert OTHERS.keys() == {*checkpoint.IDENTITY}


@pytest.mark.parametrize("iteration", [4, 10])
@pytest.mark.parametrize("part", OTHERS)
def test_a_training_that_differs_in_one_thing_is_another(tmp_path, iteration, part):
    folder = begun(tmp_path, iteration)
    assert checkpoint.saved_state(folder, {**RUN, part: OTHERS[part]}, 10) is None


def test_a_training_from_other_published_weights_is_another(tmp_path, caplog):
    """The name stays, `dino`; the file behind it does not."""
    folder = RunFolder(tmp_path)
    checkpoint.save(folder.resume, {**RUN, "start": "one", "model": {}, "iteration": 4})
    with caplog.at_level("INFO"):
        assert checkpoint.saved_state(folder, {**RUN, "start": "two"}, 10) is None
    assert "differs in start" in caplog.text


def test_other_code_counts_for_a_finished_training_alone(tmp_path):
    changed = {**RUN, "code": "another"}
    assert checkpoint.saved_state(begun(tmp_path, 10), changed, 10) is None
    assert checkpoint.saved_state(begun(tmp_path, 4), changed, 10)["iteration"] == 4
