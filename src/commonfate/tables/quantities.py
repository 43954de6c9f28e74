"""Measured quantities: mean, deviation over seeds or repeats, differences, and their text.

Metrics are in percent, but for those that the papers give as a fraction.
"""

import math
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
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
    repeats: Mapping[int | None, Mapping[int, float]] = field(default_factory=dict)
    """For each of these numbers the repeats of the evaluation that it is the mean of, by their
    seed; without those numbers that are no means."""

    @property
    def trained(self) -> bool:
        """True if another seed of the training would give another number."""
        return None not in self.by_seed

    @property
    def draws(self) -> Mapping[int | None, float]:
        """Independent numbers, by seed: of the trainings, or, without training, of the repeats."""
        repeats = self.repeats.get(None, {})
        return dict(repeats.items()) if repeats else self.by_seed

    @property
    def is_fixed(self) -> bool:
        """True if nothing is trained, and the evaluation is not repeated either."""
        return not self.trained and not self.repeats

    @property
    def mean(self) -> float:
        """Mean over seeds."""
        return statistics.fmean(self.by_seed.values())

    @cached_property
    def shown(self) -> tuple[float, ...]:
        """The numbers that the table's deviation is of.

        They are `draws`, but the repeats of the evaluation for a training of a single seed.
        """
        single = list(self.repeats.values()) if len(self.draws) == 1 else []
        return tuple((single[0] if single else self.draws).values())

    @cached_property
    def deviation(self) -> float | None:
        """Sample standard deviation of `shown`, see `deviation`."""
        return deviation(self.shown)

    @property
    def error(self) -> float | None:
        """Standard error of the mean: deviation of `draws`, divided by the root of their number.

        0 where `is_fixed`; None of a single seed, whose deviation is unknown.
        """
        spread = deviation(self.draws.values())
        if spread is None:
            return 0.0 if self.is_fixed else None
        return spread / math.sqrt(len(self.draws))

    @property
    def components(self) -> tuple[float, float] | None:
        """Deviations between trainings, and between repeats of the evaluation of a training.

        Components of variance (analysis of variance of one factor): of what the means of trainings
        vary, the share that their few repeats explain is taken off, to 0 at least. None unless
        several trainings have the same number of repeats, more than one.
        """
        groups = [list(values.values()) for values in self.repeats.values()]
        counts = {len(group) for group in groups}
        if not self.trained or len(groups) < 2 or len(counts) > 1 or counts <= {0, 1}:
            return None
        within = statistics.fmean(statistics.variance(group) for group in groups)
        between = statistics.variance(map(statistics.fmean, groups)) - within / len(groups[0])
        return math.sqrt(max(between, 0.0)), math.sqrt(within)

    def text(self, metric: str) -> str:
        """The mean, followed by deviation and number of seeds where there are several."""
        return digits(metric, self.mean) + self.spread(metric)

    def spread(self, metric: str) -> str:
        """The text after a mean over several seeds, e.g. ` ± 1.2 (3)`; empty for one seed."""
        if self.deviation is None:
            return ""
        return f" ± {digits(metric, self.deviation)} ({len(self.shown)})"


def deviation(values: Iterable[float]) -> float | None:
    """Sample standard deviation, n - 1 in the denominator; None of fewer than two numbers."""
    values = list(values)
    return statistics.stdev(values) if len(values) > 1 else None


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


def same_repeats(first: Numbers, second: Numbers) -> bool:
    """True if neither is trained, and both are means of repeats of the same seeds."""
    untrained = not first.trained and not second.trained
    return untrained and len(first.draws) > 1 and first.draws.keys() == second.draws.keys()


def difference(first: Numbers, second: Numbers, paired: bool) -> Difference:
    """Subtract the mean of the second from that of the first.

    Args:
        first: of one row.
        second: of another.
        paired: both rows have the same trainings, or `same_repeats`. Then numbers are subtracted
            seed by seed, so that a deviation that is in both cancels; seeds of one side alone do
            not count.

    Raises:
        ValueError: they are paired, but share no seed.
    """
    if paired:
        shared = first.draws.keys() & second.draws.keys()
        if not shared:
            raise ValueError("paired numbers share no seed")
        gains = [first.draws[seed] - second.draws[seed] for seed in shared]
        spread = deviation(gains)
        error = None if spread is None else spread / math.sqrt(len(gains))
        if first.is_fixed and second.is_fixed:
            error = 0.0
        return Difference(statistics.fmean(gains), error)
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
