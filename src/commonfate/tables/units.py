"""How numbers are written: in percent, except what the papers give as a fraction."""

import math
from decimal import Decimal

FRACTIONS = ("MAE",)
"""Metrics that stay shares of 1."""
LOWER_IS_BETTER = ("MAE",)


def text(metric: str, value: float | None) -> str | None:
    """A metric as a table shows it: percent with one decimal, or a fraction with three.

    Args:
        metric: e.g. `J`.
        value: a share of 1; None, or no finite number, where there is none.
    """
    if value is None or not math.isfinite(value):
        return None
    written = f"{value:.3f}" if metric in FRACTIONS else f"{100 * value:.1f}"
    return written.removeprefix("-") if Decimal(written) == 0 else written


def gain(metric: str, better: str, worse: str) -> Decimal:
    """By how much one text of a metric is better than another, in the unit of both."""
    difference = Decimal(better) - Decimal(worse)
    return -difference if metric in LOWER_IS_BETTER else difference


def points(metric: str) -> str:
    """What the unit of a difference is called, with a space before it; nothing for fractions."""
    return "" if metric in FRACTIONS else " points"
