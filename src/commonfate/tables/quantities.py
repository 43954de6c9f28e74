"""Measured quantities: mean and deviation over seeds, differences, and their text in a table.

Metrics are in percent, but for those that the papers give as a fraction.
"""

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Literal

from commonfate.evaluation import kinds

STANDARD_ERRORS = 2
"""A difference of fewer standard errors is undecided."""

Verdict = Literal["seen", "NOT SEEN", "undecided"]


@dataclass(frozen=True)
class Numbers:
    """One quantity, measured once a seed, as shares of 1."""

    by_seed: Mapping[int | None, float]
    """By the seed of the training; the key is None where nothing is trained."""

    @property
    def trained(self) -> bool:
        """True if another seed would give another number."""
        return None not in self.by_seed

    @property
    def mean(self) -> float:
        """Mean over seeds."""
        return statistics.fmean(self.by_seed.values())

    @cached_property
    def deviation(self) -> float | None:
        """Sample standard deviation, n - 1 in the denominator; None of fewer than two seeds."""
        values = self.by_seed.values()
        return statistics.stdev(values) if len(values) > 1 else None

    @property
    def error(self) -> float | None:
        """Standard error of the mean; 0 where nothing is trained, None of a single seed."""
        if not self.trained:
            return 0.0
        return None if self.deviation is None else self.deviation / math.sqrt(len(self.by_seed))

    def text(self, metric: str) -> str:
        """The mean, followed by deviation and number of seeds where there are several."""
        return digits(metric, self.mean) + self.spread(metric)

    def spread(self, metric: str) -> str:
        """The text after a mean over several seeds, e.g. ` ± 1.2 (3)`; empty for one seed."""
        if self.deviation is None:
            return ""
        return f" ± {digits(metric, self.deviation)} ({len(self.by_seed)})"


@dataclass(frozen=True)
class Difference:
    """Difference of two means with its standard error."""

    mean: float
    error: float | None
    """Standard error of `mean`; None where a mean is of a single seed."""

    @property
    def verdict(self) -> Verdict:
        """`seen` if the first mean is larger, `NOT SEEN` if it is smaller, else `undecided`."""
        if self.error is None or abs(self.mean) <= STANDARD_ERRORS * self.error:
            return "undecided"
        return "seen" if self.mean > 0 else "NOT SEEN"


def difference(first: Numbers, second: Numbers, paired: bool) -> Difference:
    """Subtract the mean of the second from that of the first.

    Args:
        first: of one row.
        second: of another.
        paired: both rows have the same trainings. Then numbers are subtracted seed by seed, so that
            the deviation of the training, which is in both, cancels.
    """
    if paired:
        shared = first.by_seed.keys() & second.by_seed.keys()
        by_seed = Numbers({seed: first.by_seed[seed] - second.by_seed[seed] for seed in shared})
        return Difference(by_seed.mean, by_seed.error)
    error = None
    if first.error is not None and second.error is not None:
        error = math.hypot(first.error, second.error)
    return Difference(first.mean - second.mean, error)


def text(metric: str, value: float | None) -> str | None:
    """A metric as a table shows it: percent with one decimal, or a fraction with three.

    Args:
        metric: e.g. `J`.
        value: a share of 1; None, or no finite number, where there is none.
    """
    return None if value is None or not math.isfinite(value) else digits(metric, value)


def digits(metric: str, value: float) -> str:
    """A finite share of 1 as a table shows it, see `text`."""
    written = f"{number(metric, value):.{3 if is_fraction(metric) else 1}f}"
    return written.removeprefix("-") if Decimal(written) == 0 else written


def is_fraction(metric: str) -> bool:
    """True if a metric stays a share of 1."""
    return kinds.metric(metric).is_fraction


def number(metric: str, value: float) -> float:
    """A share of 1 in the unit of `text`, with all digits."""
    return value if is_fraction(metric) else 100 * value


def share(metric: str, text: str) -> float:
    """The inverse of `text`: a share of 1."""
    return float(text) if is_fraction(metric) else float(text) / 100


def points(metric: str) -> str:
    """Unit of a difference after a space: ` points`, or nothing for fractions."""
    return "" if is_fraction(metric) else " points"
