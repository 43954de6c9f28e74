"""Registry of the kinds of training sample, by their name in a method's `learns_from`."""

from collections.abc import Mapping

from commonfate.samples.kinds.base import SampleKind
from commonfate.samples.kinds.clips import Clip
from commonfate.samples.kinds.flow import FrameWithFlow
from commonfate.samples.kinds.frames import PlainFrame
from commonfate.samples.kinds.labels import LabelledFrame
from commonfate.samples.kinds.pairs import FramePair

KINDS: Mapping[str, SampleKind] = {
    kind.name: kind
    for kind in (FrameWithFlow(), FramePair(), LabelledFrame(), PlainFrame(), Clip())
}


def without_flow() -> tuple[str, ...]:
    """Names of the kinds without flow; their samples are named by the kind, not a flow source."""
    return tuple(kind.name for kind in KINDS.values() if not kind.has_flow)


def of_source(source: str) -> SampleKind:
    """Kind of the samples whose name ends in `source`, which is a flow source or a kind's name."""
    with_flow = next(kind for kind in KINDS.values() if kind.has_flow)
    return KINDS[source] if source in without_flow() else with_flow
