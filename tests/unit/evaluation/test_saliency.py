"""Measures of salient object segmentation, by hand and against their definitions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commonfate.evaluation.masks import metrics
from commonfate.evaluation.masks.foreground import overlap

# Ten pixels, four of them the object.
TRUTH = np.array([[1, 1, 1, 1, 0], [0, 0, 0, 0, 0]], bool)
SOFT = np.array([[255, 200, 128, 51, 128], [127, 0, 0, 0, 0]], np.uint8)
NOTHING = np.zeros(TRUTH.shape, bool)
COUNTS = metrics.levels(SOFT, TRUTH, NOTHING)
seeds = st.integers(0, 2**32 - 1)


def measured(measure, mask, truth=TRUTH, void=NOTHING):
    """A measure of a hard mask, which is segment 1 of two."""
    counts = overlap(mask.astype(np.uint8), truth, void, 2)
    return measure(counts, np.array([False, True]))


def by_definition(mask, truth):
    """F-beta from precision and recall, as the cited code has it."""
    result = (mask & truth).sum()
    precision = result / mask.sum() if mask.any() else 1.0
    recall = result / truth.sum() if truth.any() else 1.0
    below = 0.3 * precision + recall
    return 1.3 * precision * recall / below if below else 0.0


def test_accuracy():
    assert measured(metrics.accuracy, SOFT > 127) == 0.8  # one missed, one too many
    assert measured(metrics.accuracy, TRUTH) == 1.0
    assert measured(metrics.accuracy, ~TRUTH) == 0.0


def test_f_beta():
    # Precision and recall are both 3/4, so F is 3/4 whatever beta; then precision 2/2, recall 2/4:
    # 1.3 * 1 * 0.5 / (0.3 * 1 + 0.5).
    assert measured(metrics.f_beta, SOFT > 127) == pytest.approx(0.75)
    assert measured(metrics.f_beta, SOFT > 150) == pytest.approx(0.8125)


def test_f_beta_at_each_threshold():
    curve = metrics.f_beta_curve(COUNTS)
    assert curve.shape == (255,)
    assert curve[254] == pytest.approx(1.3 * 0.25 / (0.3 + 0.25))  # level 255 alone
    assert curve[200] == curve[254] and curve[199] == pytest.approx(0.8125)
    assert curve[128] == curve[199] and curve[127] == pytest.approx(0.75)
    assert curve[126] == pytest.approx(1.3 * 0.6 * 0.75 / (0.3 * 0.6 + 0.75))  # 3 of 5
    assert curve[0] == pytest.approx(1.3 * (4 / 6) / (0.3 * (4 / 6) + 1))  # all but zeros
    assert curve.max() == curve[150]


def test_mean_absolute_error():
    missing = (0 + 55 + 127 + 204) / 255
    too_much = (128 + 127) / 255
    assert metrics.mean_absolute_error(COUNTS) == pytest.approx((missing + too_much) / 10)


def test_void_pixels_do_not_count():
    void = SOFT == 128  # one inside, one outside the object
    assert measured(metrics.accuracy, SOFT > 127, void=void) == 7 / 8
    assert measured(metrics.f_beta, SOFT > 127, void=void) == pytest.approx(
        1.3 * (2 / 3) / (0.3 + 2 / 3)
    )
    counts = metrics.levels(SOFT, TRUTH, void)
    assert counts.sum() == 8 and counts[128].tolist() == [0, 0]
    error = (55 + 204 + 127) / 255 / 8
    assert metrics.mean_absolute_error(counts) == pytest.approx(error)


@pytest.mark.parametrize(
    ("mask", "truth", "expected"),
    [(NOTHING, NOTHING, 1.0), (TRUTH, NOTHING, 0.0), (NOTHING, TRUTH, 0.0), (~TRUTH, TRUTH, 0.0)],
    ids=["both empty", "object absent", "nothing predicted", "all wrong"],
)
def test_empty_masks(mask, truth, expected):
    assert measured(metrics.f_beta, mask, truth) == expected == by_definition(mask, truth)
    curve = metrics.f_beta_curve(metrics.levels(mask * np.uint8(255), truth, NOTHING))
    np.testing.assert_array_equal(curve, expected)


def test_everything_void():
    void = np.ones(TRUTH.shape, bool)
    counts = metrics.levels(SOFT, TRUTH, void)
    assert metrics.mean_absolute_error(counts) == 0.0
    np.testing.assert_array_equal(metrics.f_beta_curve(counts), 1.0)
    assert measured(metrics.accuracy, TRUTH, void=void) == 1.0
    assert measured(metrics.f_beta, TRUTH, void=void) == 1.0


@settings(max_examples=30, deadline=None)
@given(seeds, st.floats(0, 1), st.sampled_from([2, 4, 256]))
def test_curve_is_f_beta_of_the_mask_above_each_threshold(seed, share, different):
    generator = np.random.default_rng(seed)
    soft = (generator.integers(0, different, (5, 6)) * (255 // (different - 1))).astype(np.uint8)
    truth = generator.random((5, 6)) < share
    curve = metrics.f_beta_curve(metrics.levels(soft, truth, np.zeros((5, 6), bool)))
    expected = [by_definition(soft / 255 > (k + 0.5) / 255, truth) for k in range(255)]
    np.testing.assert_allclose(curve, expected, atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(seeds, st.floats(0, 1))
def test_the_other_group_has_the_levels_upside_down(seed, share):
    generator = np.random.default_rng(seed)
    soft = generator.integers(0, 256, (5, 6), np.uint8)
    truth, void = generator.random((5, 6)) < share, generator.random((5, 6)) < 0.1
    counts = metrics.levels(soft, truth, void)
    np.testing.assert_array_equal(metrics.levels(255 - soft, truth, void), counts[::-1])


@settings(max_examples=30, deadline=None)
@given(seeds, st.floats(0, 1))
def test_a_hard_mask_has_one_f_beta_and_errs_where_it_is_wrong(seed, share):
    generator = np.random.default_rng(seed)
    mask, truth, void = generator.random((3, 5, 6)) < np.array([share, 0.4, 0.1])[:, None, None]
    counts = metrics.levels(mask * np.uint8(255), truth, void)
    f_beta = measured(metrics.f_beta, mask, truth, void)
    np.testing.assert_allclose(metrics.f_beta_curve(counts), f_beta, atol=1e-12)
    error = metrics.mean_absolute_error(counts)
    assert error == pytest.approx(1 - measured(metrics.accuracy, mask, truth, void))


@settings(max_examples=30, deadline=None)
@given(seeds, st.floats(0, 1))
def test_the_maximum_is_no_less_than_at_one_half(seed, share):
    generator = np.random.default_rng(seed)
    soft = generator.integers(0, 256, (5, 6), np.uint8)
    truth = generator.random((5, 6)) < share
    nothing = np.zeros((5, 6), bool)
    curve = metrics.f_beta_curve(metrics.levels(soft, truth, nothing))
    at_half = measured(metrics.f_beta, soft / 255 > 0.5, truth, nothing)
    assert curve[127] == pytest.approx(at_half)
    assert curve.min() >= 0 and at_half <= curve.max() + 1e-12 and curve.max() <= 1
