"""How numbers are written, and how their variance is split."""

import pytest

from commonfate.tables import quantities
from commonfate.tables.quantities import Numbers


@pytest.mark.parametrize(
    ("metric", "share", "text"),
    [
        ("J_decay", -0.0003, "0.0"),
        ("J_decay", -0.0126, "-1.3"),
        ("J", None, None),
        ("J", float("nan"), None),
        ("mIoU", 0.6204, "62.0"),
        ("MAE", 0.13, "0.130"),
        ("MAE", 0.0004, "0.000"),
    ],
)
def test_percent_or_a_fraction_without_negative_zero(
    metric: str, share: float | None, text: str | None
) -> None:
    assert quantities.text(metric, share) == text


@pytest.mark.parametrize(("metric", "text"), [("MAE", "0.130"), ("J", "57.8")])
def test_a_text_can_be_read_back(metric: str, text: str) -> None:
    assert quantities.text(metric, quantities.share(metric, text)) == text
    assert quantities.number(metric, quantities.share(metric, text)) == pytest.approx(float(text))


def test_fractions_have_no_points() -> None:
    assert (quantities.points("MAE"), quantities.points("J")) == ("", " points")


def test_components_of_variance_by_hand():
    """Means 2, 3, 7: variance 7; within 2, of which half is in that of the means."""
    repeats = {0: {1: 1.0, 2: 3.0}, 1: {1: 2.0, 2: 4.0}, 2: {1: 6.0, 2: 8.0}}
    numbers = Numbers({0: 2.0, 1: 3.0, 2: 7.0}, repeats)
    assert numbers.components == pytest.approx((6**0.5, 2**0.5))


def test_repeats_that_explain_all_leave_nothing_to_trainings():
    repeats = {0: {1: 0.0, 2: 4.0}, 1: {1: 1.0, 2: 5.0}}
    assert Numbers({0: 2.0, 1: 3.0}, repeats).components == pytest.approx((0.0, 8**0.5))


@pytest.mark.parametrize(
    "numbers",
    [
        Numbers({None: 0.5}, {None: {1: 0.4, 2: 0.6}}),
        Numbers({0: 0.5}, {0: {1: 0.4, 2: 0.6}}),
        Numbers({0: 0.5, 1: 0.6}),
        Numbers({0: 0.5, 1: 0.6}, {0: {1: 0.5}, 1: {1: 0.6}}),
        Numbers({0: 0.5, 1: 0.6}, {0: {1: 0.5}, 1: {1: 0.5, 2: 0.7}}),
    ],
)
def test_without_trainings_of_equal_repeats_there_are_no_components(numbers):
    assert numbers.components is None
