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
    written = f"{number(metric, value):.{3 if metric in FRACTIONS else 1}f}"
    return written.removeprefix("-") if Decimal(written) == 0 else written


def number(metric: str, value: float) -> float:
    """A metric in the unit of `text`, every digit."""
    return value if metric in FRACTIONS else 100 * value


def share(metric: str, text: str) -> float:
    """The share of 1 that a text of `text` stands for."""
    return float(text) if metric in FRACTIONS else float(text) / 100


def points(metric: str) -> str:
    """What the unit of a difference is called, with a space before it; nothing for fractions."""
    return "" if metric in FRACTIONS else " points"
