"""Deviations worked by hand, and what they decide."""

import math

import pytest

from commonfate.tables.quantities import Numbers, difference

THREE = Numbers({0: 0.50, 1: 0.54, 2: 0.58})  # deviation 0.04, standard error 0.0231
ONE = Numbers({0: 0.5})
UNTRAINED = Numbers({None: 0.5})


def test_the_deviation_is_that_of_a_sample() -> None:
    assert THREE.mean == pytest.approx(0.54)
    assert THREE.deviation == pytest.approx(0.04)  # sqrt(2 x 0.04^2 / (3 - 1))
    assert THREE.error == pytest.approx(0.04 / math.sqrt(3))


@pytest.mark.parametrize(
    ("numbers", "metric", "text"),
    [
        (THREE, "J", "54.0 ± 4.0 (3)"),
        (THREE, "MAE", "0.540 ± 0.040 (3)"),
        (Numbers({3: 0.1, 4: 0.1}), "J", "10.0 ± 0.0 (2)"),
        (ONE, "J", "50.0"),
        (UNTRAINED, "J", "50.0"),
    ],
)
def test_text(numbers: Numbers, metric: str, text: str) -> None:
    assert numbers.text(metric) == text


def test_one_seed_has_no_error_and_what_is_not_trained_has_none_to_have() -> None:
    assert (ONE.error, UNTRAINED.error) == (None, 0.0)


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        (0.54 + 0.047, THREE, "seen"),  # two standard errors are 0.0462
        (0.54 + 0.045, THREE, "undecided"),
        (0.54 - 0.045, THREE, "undecided"),
        (0.54 - 0.047, THREE, "NOT SEEN"),
        (0.9, ONE, "undecided"),
        (0.51, UNTRAINED, "seen"),
        (0.50, UNTRAINED, "undecided"),
        (0.49, UNTRAINED, "NOT SEEN"),
    ],
)
def test_verdicts_on_an_exact_number_and_another(first: float, second: Numbers, verdict) -> None:
    assert difference(Numbers({None: first}), second, paired=False).verdict == verdict


def test_errors_of_both_rows_count() -> None:
    gap = difference(THREE, Numbers({0: 0.3, 1: 0.4, 2: 0.5}), paired=False)
    assert gap.mean == pytest.approx(0.14)
    assert gap.error == pytest.approx(math.sqrt((0.04**2 + 0.1**2) / 3))


def test_numbers_of_the_same_trainings_are_subtracted_seed_by_seed() -> None:
    better = Numbers({0: 0.51, 1: 0.551, 2: 0.589})
    assert difference(better, THREE, paired=False).verdict == "undecided"
    gap = difference(better, THREE, paired=True)
    assert gap.error == pytest.approx(0.001 / math.sqrt(3))
    assert gap.verdict == "seen"
    assert difference(Numbers({0: 0.6}), ONE, paired=True).verdict == "undecided"
