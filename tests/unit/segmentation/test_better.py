"""Quality `best`: a draft, or the draft with a share of the network, by the better score."""

import numpy as np

from commonfate.foreground import appearance, shot
from commonfate.segmentation.learned import better
from helpers import moving


def of_network(seen: np.ndarray, frames: np.ndarray, truth: np.ndarray) -> shot.Foreground:
    """What is taken, beside a weak draft that misses the right half of the square."""
    probability = np.where(truth, 0.6, 0.4).astype(np.float32)
    right = np.arange(truth.shape[2]) > np.median(np.nonzero(truth)[2])
    probability[truth & right] = 0.45
    drafted = shot.Draft(probability, "a draft", 1, np.ones(len(frames), np.float32))
    tokens = appearance.colours_of(frames)
    return better(drafted, seen.astype(np.float32), frames, tokens)


def test_a_network_that_sees_the_whole_square_is_heard() -> None:
    frames, truth = moving.film(4)
    foreground = of_network(np.where(truth, 0.95, 0.02), frames, truth)
    assert foreground.reason == "a draft; and a network"
    assert foreground.probability.shape == truth.shape
    assert moving.overlap(foreground.probability > 0.5, truth) > 0.8


def test_a_network_that_sees_the_background_is_not() -> None:
    frames, truth = moving.film(4)
    shifted = np.roll(truth, 30, axis=1)
    foreground = of_network(np.where(shifted, 1.0, 0.0), frames, truth)
    assert foreground.reason == "a draft"


def test_an_empty_result_of_the_network_leaves_the_draft() -> None:
    frames, truth = moving.film(4)
    foreground = of_network(np.zeros(truth.shape), frames, truth)
    assert foreground.reason == "a draft"
    assert foreground.probability.any()
