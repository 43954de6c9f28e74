"""Numbers of several seeds: their mean and deviation, and whether a difference is beyond chance."""

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from commonfate.tables import units

STANDARD_ERRORS = 2
"""A difference of less than so many standard errors decides nothing."""

Verdict = Literal["seen", "NOT SEEN", "undecided"]


@dataclass(frozen=True)
class Numbers:
    """One quantity, measured once a seed, as shares of 1."""

    by_seed: Mapping[int | None, float]
    """By the seed of the training; the key is None where nothing is trained."""

    @property
    def trained(self) -> bool:
        """Whether another seed would give another number."""
        return None not in self.by_seed

    @property
    def mean(self) -> float:
        """Mean over seeds."""
        return statistics.fmean(self.by_seed.values())

    @cached_property
    def deviation(self) -> float | None:
        """Sample standard deviation, n - 1 in the denominator; None of fewer than two."""
        values = self.by_seed.values()
        return statistics.stdev(values) if len(values) > 1 else None

    @property
    def error(self) -> float | None:
        """Standard error of the mean; 0 where nothing is trained, None where one seed says none."""
        if not self.trained:
            return 0.0
        return None if self.deviation is None else self.deviation / math.sqrt(len(self.by_seed))

    def text(self, metric: str) -> str:
        """The mean, followed by deviation and number of seeds where there are several."""
        return units.text(metric, self.mean) + self.spread(metric)

    def spread(self, metric: str) -> str:
        """What follows a mean over several seeds, e.g. ` ± 1.2 (3)`; nothing of one."""
        if self.deviation is None:
            return ""
        return f" ± {units.text(metric, self.deviation)} ({len(self.by_seed)})"


@dataclass(frozen=True)
class Difference:
    """How far two means lie apart, and how sure that is."""

    mean: float
    error: float | None
    """Standard error of `mean`; None where one seed says none."""

    @property
    def verdict(self) -> Verdict:
        """Whether the first is the larger one, the smaller one, or neither for sure."""
        if self.error is None or abs(self.mean) <= STANDARD_ERRORS * self.error:
            return "undecided"
        return "seen" if self.mean > 0 else "NOT SEEN"


def difference(first: Numbers, second: Numbers, paired: bool) -> Difference:
    """Subtract the mean of the second from that of the first.

    Args:
        first: of one row.
        second: of another.
        paired: whether both have the same trainings. Then numbers are subtracted seed by seed: what
            a training happened to become is in both of them, and no part of the difference.
    """
    if paired:
        shared = first.by_seed.keys() & second.by_seed.keys()
        each = Numbers({seed: first.by_seed[seed] - second.by_seed[seed] for seed in shared})
        return Difference(each.mean, each.error)
    errors = first.error, second.error
    error = None if None in errors else math.hypot(*errors)
    return Difference(first.mean - second.mean, error)
