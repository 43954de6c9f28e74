"""Looking at stored flow: which moments to show, and numbers that tell whether it is sane."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from commonfate.flow.colour import robust_maximum
from commonfate.flow.pictures import Row
from commonfate.storage.flow import FlowReader
from commonfate.storage.frames import FrameReader

T = TypeVar("T")
COLUMNS = ("video", "gap", "pairs", "median px", "90 %", "99 %", "max", "saturated %", "invalid %")


def spread(items: Sequence[T], count: int) -> list[T]:
    """At most `count` of the items, evenly spaced, each the middle of its stretch."""
    count = min(count, len(items))
    return [items[(2 * i + 1) * len(items) // (2 * count)] for i in range(count)]


def moments(
    reader: FlowReader, videos: Sequence[str], gaps: Sequence[int], count: int
) -> list[tuple[str, int]]:
    """Video and t of `count` moments, spread over the videos and over each video.

    Preferred are moments with flow for all of the gaps.
    """
    chosen = spread(videos, count)
    each = [count // len(chosen) + (i < count % len(chosen)) for i in range(len(chosen))]
    return [
        (video, t)
        for video, number in zip(chosen, each, strict=True)
        for t in spread(covered(reader, video, gaps), number)
    ]


def covered(reader: FlowReader, video: str, gaps: Sequence[int]) -> list[int]:
    """The t of a video with flow for all gaps, or where there is none, for any."""
    ranges = [set(reader.frames_with_flow(video, gap)) for gap in gaps if gap in reader.gaps(video)]
    if not ranges:
        return []
    return sorted(set.intersection(*ranges) or set.union(*ranges))


def row(
    reader: FlowReader, frames: FrameReader | None, video: str, t: int, gaps: Sequence[int]
) -> Row:
    """What a picture shows of one moment."""
    stored = [gap for gap in gaps if gap in reader.gaps(video)]
    flows = {
        gap: reader.read(video, gap, t)
        for gap in stored
        if t in reader.frames_with_flow(video, gap)
    }
    frame = frames.read(video, t) if frames else None
    return Row(f"{video}, frame {t}", frame, tuple(flows.get(gap) for gap in gaps))


def scale(rows: Sequence[Row]) -> float:
    """One maximum for the colours of all rows, in pixels."""
    return robust_maximum(*(flow for row in rows for flow in row.flows if flow is not None))


def statistics(reader: FlowReader, video: str, gap: int, sample: int = 12) -> list[object]:
    """Numbers for `COLUMNS`; percentiles are taken of at most `sample` pairs."""
    pairs = reader.frames_with_flow(video, gap)
    magnitudes = [np.hypot(*reader.read(video, gap, t)).ravel() for t in spread(pairs, sample)]
    known = np.concatenate([np.empty(0), *magnitudes])
    known = known[np.isfinite(known)]
    percentiles = np.percentile(known, (50, 90, 99, 100)) if known.size else [None] * 4
    counts = reader.statistics(video, gap)
    shares = [100 * counts[key] / max(counts["pixels"], 1) for key in ("saturated", "invalid")]
    return [video, gap, len(pairs), *percentiles, *shares]
