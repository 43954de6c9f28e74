"""Schedules of DINO as functions of the step; steps are counted from 0."""

import math


def cosine(
    step: int, steps: int, first: float, last: float, warmup: int = 0, start: float = 0.0
) -> float:
    """Half a cosine from `first` towards `last`, after a linear warm-up from `start`.

    The last step of the warm-up and the step after it both have the value `first`; `last` would
    be that of step `steps`.

    Args:
        step: 0 to `steps` - 1.
        steps: length of the schedule, warm-up included.
        first: value after the warm-up.
        last: value at the end.
        warmup: length of the warm-up; of length 1 it has the value `start`.
        start: value at step 0 of a warm-up.
    """
    if step < warmup:
        return start + (first - start) * step / max(1, warmup - 1)
    share = (step - warmup) / max(1, steps - warmup)
    return last + (first - last) * (1 + math.cos(math.pi * share)) / 2


def linear(step: int, first: float, last: float, warmup: int) -> float:
    """A line from `first` at step 0 to `last` at step `warmup` - 1, then constant.

    Without a warm-up, `last` from the beginning; a warm-up of length 1 has the value `first`.
    """
    return last if step >= warmup else first + (last - first) * step / max(1, warmup - 1)
