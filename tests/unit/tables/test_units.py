"""How numbers are written, and which of two is better."""

from decimal import Decimal

import pytest

from commonfate.tables import units


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
    assert units.text(metric, share) == text


def test_a_lower_error_is_better() -> None:
    assert units.gain("MAE", "0.130", "0.200") == Decimal("0.070")
    assert units.gain("J", "57.8", "45.7") == Decimal("12.1")
    assert (units.points("MAE"), units.points("J")) == ("", " points")
