"""Random states: carried over exactly, in a form that loads without running code."""

import logging
import random

import numpy as np
import torch

from commonfate.training import checkpoint, randomness


def draw():
    return random.random(), float(np.random.random()), float(torch.rand(()))  # noqa: NPY002


def test_a_restored_state_draws_the_same_numbers(tmp_path):
    randomness.seed(5)
    draw()
    states = randomness.of_all_processes()
    checkpoint.save(
        tmp_path / "c.pt", {"random": states, "model": {}, "settings": {}, "iteration": 1}
    )
    expected = draw()
    randomness.seed(6)
    randomness.restore(checkpoint.load(tmp_path / "c.pt")["random"], rank=0)
    assert draw() == expected


def test_a_process_without_saved_state_keeps_its_seed_and_says_so(caplog):
    randomness.seed(5)
    expected = draw()
    randomness.seed(5)
    with caplog.at_level(logging.WARNING):
        randomness.restore([], rank=0)
    assert draw() == expected
    assert "process 0 had no part in the saved training" in caplog.text


def test_determinism_is_switched_back():
    assert not torch.are_deterministic_algorithms_enabled()
    with randomness.deterministic(True):
        assert torch.are_deterministic_algorithms_enabled()
    assert not torch.are_deterministic_algorithms_enabled()
