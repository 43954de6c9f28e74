"""How numbers are written."""

import pytest

from commonfate.tables import quantities


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
