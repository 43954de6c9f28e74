"""What is done to the look of pairs."""

import numpy as np

from commonfate.training.flow import photometric
from commonfate.training.flow.settings import FlowTrainingSettings

STILL = FlowTrainingSettings(colour=0, noise=0, blur=0, compress=0)
IMAGES = np.random.default_rng(0).integers(0, 256, (2, 32, 40, 3), np.uint8)


def test_nothing_asked_for_changes_nothing():
    result = photometric.augment(np.random.default_rng(1), IMAGES, STILL)
    np.testing.assert_array_equal(result, IMAGES)


def test_equal_random_numbers_give_equal_pairs_and_others_give_others():
    settings = FlowTrainingSettings()
    item, same, other = (
        photometric.augment(np.random.default_rng(seed), IMAGES, settings) for seed in (1, 1, 2)
    )
    assert item.dtype == np.uint8 and item.shape == IMAGES.shape
    np.testing.assert_array_equal(item, same)
    assert (item != other).any()


def test_both_images_change_in_about_the_same_way():
    settings = STILL.model_copy(update={"colour": 0.4})
    same = np.stack([IMAGES[0], IMAGES[0]])
    between, from_before = [], []
    for seed in range(20):
        first, second = photometric.augment(np.random.default_rng(seed), same, settings)
        between.append(np.abs(first.astype(float) - second).mean())
        from_before.append(np.abs(first.astype(float) - same[0]).mean())
    assert 0 < np.mean(between) < 0.6 * np.mean(from_before)


def test_noise_has_the_drawn_strength():
    settings = STILL.model_copy(update={"noise": 4.0})
    grey = np.full((2, 64, 64, 3), 128, np.uint8)
    deviations = [
        photometric.augment(np.random.default_rng(seed), grey, settings).std() for seed in range(30)
    ]
    assert min(deviations) == 0 and 1 < max(deviations) < 4.1
