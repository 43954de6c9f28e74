"""What a video offers to learn from: frames with flow, pairs of frames, or frames with classes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from commonfate.samples.stores import Stores


class Listed(NamedTuple):
    """What is learnt from one frame."""

    t: int
    gaps: list[int]
    flow_store: str = ""
    labels: str = ""


def with_flow(row: Any, stores: Stores, manifest: Path, _gaps: Sequence[int]) -> Iterator[Listed]:
    """Every frame at which flow starts, with all gaps of it."""
    found = stores.flow_store(row.id, manifest)
    if found is None:
        return
    path, reader = found
    gaps: dict[int, list[int]] = {}
    for gap in sorted(reader.gaps(row.id)):
        for t in reader.frames_with_flow(row.id, gap):
            gaps.setdefault(int(t), []).append(int(gap))
    for t in sorted(gaps):
        yield Listed(t, gaps[t], flow_store=str(path))


def pairs(row: Any, stores: Stores, manifest: Path, gaps: Sequence[int]) -> Iterator[Listed]:
    """Every frame that has another one a gap later, so that no pair is listed twice."""
    length = stores.length(row.id, manifest)
    for t in range(length):
        reached = sorted(gap for gap in set(gaps) if t + gap < length)
        if reached:
            yield Listed(t, reached)


def labelled(row: Any, _stores: Stores, _manifest: Path, _gaps: Sequence[int]) -> Iterator[Listed]:
    """Every frame whose annotation is a class for each pixel."""
    if row.annotation_kind != "classes":
        return
    for t, file in enumerate(row.annotation_files):
        if file:
            yield Listed(t, [0], labels=str(file))


LISTINGS: Mapping[str, Callable[[Any, Stores, Path, Sequence[int]], Iterator[Listed]]] = {
    "flow": with_flow,
    "pairs": pairs,
    "labels": labelled,
}
"""By what a method's settings call it in `learns_from`."""
