"""Baseline of propagation: the first mask of a clip, held still.

`evaluation.features.propagation` has the algorithm, which benchmarks of propagation run.
"""

from commonfate.methods.base import Method
from commonfate.methods.first_mask.settings import FirstMaskSettings


class FirstMask(Method):
    """The first mask in every later frame."""

    settings: FirstMaskSettings


def create(settings: FirstMaskSettings) -> FirstMask:
    """Make the method."""
    return FirstMask(settings)
