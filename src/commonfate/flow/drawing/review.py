"""Review of stored flow: a choice of moments to show, and statistics for a sanity check."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

import numpy as np

from commonfate.flow.drawing.colour import robust_maximum
from commonfate.flow.drawing.pictures import Row
from commonfate.storage.flow_reader import FlowReader

T = TypeVar("T")


class FrameSource(Protocol):
    """Frames by video and t: a frame store, or the videos themselves."""

    def read(self, video: str, t: int) -> np.ndarray:
        """Frame t: (H, W, 3) uint8, RGB."""


COLUMNS = (
    *("video", "gap", "pairs", "median px", "90 %", "99 %", "max"),
    *("saturated %", "invalid %", "consistent %"),
)
SAMPLE = 12
"""Number of pairs for percentiles and consistency."""


def spread(items: Sequence[T], count: int) -> list[T]:
    """At most `count` of the items, evenly spaced: the middles of equal stretches."""
    count = min(count, len(items))
    return [items[(2 * i + 1) * len(items) // (2 * count)] for i in range(count)]


def moments(
    reader: FlowReader, videos: Sequence[str], gaps: Sequence[int], count: int
) -> list[tuple[str, int]]:
    """Video and t of `count` moments, spread over the videos and over each video.

    Moments with flow for all gaps are preferred.
    """
    chosen = spread(videos, count)
    each = [count // len(chosen) + (i < count % len(chosen)) for i in range(len(chosen))]
    return [
        (video, t)
        for video, number in zip(chosen, each, strict=True)
        for t in spread(covered(reader, video, gaps), number)
    ]


def covered(reader: FlowReader, video: str, gaps: Sequence[int]) -> list[int]:
    """The t of a video with flow for all gaps; if there are none, those with flow for any."""
    ranges = [set(reader.frames_with_flow(video, gap)) for gap in gaps if gap in reader.gaps(video)]
    if not ranges:
        return []
    return sorted(set.intersection(*ranges) or set.union(*ranges))


def row(
    reader: FlowReader,
    frames: FrameSource | None,
    video: str,
    t: int,
    gaps: Sequence[int],
    only_consistent: bool = False,
) -> Row:
    """Read the frame and flows of one moment.

    Args:
        reader: the flow.
        frames: the frames, to be drawn beside the flow.
        video: name of the video.
        t: frame number.
        gaps: gaps of the flows.
        only_consistent: set values to NaN that fail the forward-backward test: all values, if the
            opposite gap is not stored.
    """
    stored = [gap for gap in gaps if gap in reader.gaps(video)]
    flows = {
        gap: reader.read(video, gap, t)
        for gap in stored
        if t in reader.frames_with_flow(video, gap)
    }
    if only_consistent:
        for gap, flow in flows.items():
            agrees = agreement(reader, video, gap, t, flow)
            flows[gap] = np.where(False if agrees is None else agrees, flow, np.nan)
    frame = frames.read(video, t) if frames else None
    return Row(f"{video}, frame {t}", frame, tuple(flows.get(gap) for gap in gaps))


def scale(rows: Sequence[Row]) -> float:
    """Maximum magnitude for the colours of all rows, in pixels."""
    return robust_maximum(*(flow for row in rows for flow in row.flows if flow is not None))


def agreement(
    reader: FlowReader, video: str, gap: int, t: int, flow: np.ndarray
) -> np.ndarray | None:
    """Pixels that pass the forward-backward test; None if the opposite gap is not stored.

    Args:
        reader: the stored flow.
        video: name of the video.
        gap: gap of the flow.
        t: frame number.
        flow: (2, H, W) float32, the stored flow of this video, gap and t.

    Returns:
        (H, W) bool.
    """
    if -gap not in reader.gaps(video):
        return None
    from commonfate.flow.consistency import consistent

    return consistent(flow[None], reader.read(video, -gap, t + gap)[None])[0]


def statistics(reader: FlowReader, video: str, gap: int, sample: int = SAMPLE) -> list[object]:
    """Values of `COLUMNS` for one video and gap.

    Saturated and invalid pixels are counted over all pairs. Percentiles of the magnitude and the
    share of pixels that pass the forward-backward test come from at most `sample` pairs. None
    stands for unknown.
    """
    pairs = reader.frames_with_flow(video, gap)
    magnitudes, agreeing = [np.empty(0)], []
    for t in spread(pairs, sample):
        flow = reader.read(video, gap, t)
        magnitudes.append(np.hypot(*flow).ravel())
        if (agrees := agreement(reader, video, gap, t, flow)) is not None:
            agreeing.append(agrees.mean())
    lengths = np.concatenate(magnitudes)
    lengths = lengths[np.isfinite(lengths)]
    percentiles = np.percentile(lengths, (50, 90, 99, 100)) if lengths.size else [None] * 4
    counts = reader.statistics(video, gap)
    shares = [100 * counts[key] / max(counts["pixels"], 1) for key in ("saturated", "invalid")]
    consistency = 100 * float(np.mean(agreeing)) if agreeing else None
    return [video, gap, len(pairs), *percentiles, *shares, consistency]
