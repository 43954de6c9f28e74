"""Baseline of propagation: masks moved by optical flow.

`evaluation.features.propagation` has the algorithm, which benchmarks of propagation run.
"""

from commonfate.methods.base import Method
from commonfate.methods.flow_warp.settings import FlowWarpSettings


class FlowWarp(Method):
    """Masks looked up along optical flow in the frame before, from the first frame on."""

    settings: FlowWarpSettings


def create(settings: FlowWarpSettings) -> FlowWarp:
    """Make the method."""
    return FlowWarp(settings)
