"""Stored flow of a dataset against its exact truth, and against the flow before it was stored."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from commonfate.base.errors import UserError
from commonfate.base.progress import track
from commonfate.datasets.sprites import truth
from commonfate.flow.drawing.review import agreement
from commonfate.flow.estimators.base import FlowEstimator
from commonfate.flow.quality import errors
from commonfate.storage.flow_reader import FlowReader
from commonfate.storage.frames import FrameReader


@dataclass(frozen=True)
class Pair:
    """A pair of frames with stored flow."""

    reader: FlowReader
    video: str
    gap: int
    t: int


Exact = Callable[[Pair], np.ndarray]
"""Function that gives the flow of a pair before quantization, (2, H, W) float32, pixels."""


def pairs(readers: Sequence[FlowReader], truths: Mapping[str, str]) -> list[Pair]:
    """Every stored pair with known truth, by video, gap and t.

    Args:
        readers: the stores of all shards.
        truths: path of the truth by video name; other videos are skipped.

    Raises:
        UserError: there are no such pairs.
    """
    listed = [
        Pair(reader, video, gap, t)
        for reader in readers
        for video in reader.videos
        if video in truths
        for gap in reader.gaps(video)
        for t in reader.frames_with_flow(video, gap)
    ]
    if not listed:
        raise UserError(
            "no stored flow of a video whose flow is known exactly; end-point errors need one of "
            "the embedded datasets (adapter sprites) and its flow"
        )
    return sorted(listed, key=lambda pair: (pair.video, pair.gap, pair.t))


def measure(pairs: Sequence[Pair], truths: Mapping[str, str]) -> list[dict[str, Any]]:
    """Errors by video and gap.

    Args:
        pairs: as listed by `pairs`.
        truths: path of the truth by video name.

    Returns:
        For each video and gap `video`, `gap`, `pairs`, `saturated` (pixels), `errors`, and
        `consistent`: the errors where pixels that fail the forward-backward test count as without
        value; None where the opposite gap is not stored.
    """
    parts: dict[tuple[str, int], dict[str, Any]] = {}
    for pair in track(pairs, "comparing with the truth (pairs)", len(pairs)):
        part = parts.setdefault((pair.video, pair.gap), _part(pair))
        flow = pair.reader.read(pair.video, pair.gap, pair.t)
        truth = _truth(truths[pair.video], pair)
        part["pairs"] += 1
        part["errors"] += errors.measure(flow, *truth)
        if part["consistent"] is not None:
            agrees = agreement(pair.reader, pair.video, pair.gap, pair.t, flow)
            agreeing = np.where(agrees, flow, np.nan)
            part["consistent"] += errors.measure(agreeing, *truth)
    return [_as_json(part) for part in parts.values()]


def measure_rounding(
    sample: Sequence[Pair], truths: Mapping[str, str], exact: Exact
) -> dict[str, Any]:
    """Errors of a sample of pairs before and after storing, over the same pixels.

    Args:
        sample: pairs with stored flow.
        truths: path of the truth by video name.
        exact: gives their flow without rounding.

    Returns:
        `pairs`; `estimated` and `stored`, the errors over the pixels that have a stored value;
        `largest_difference` of a component, pixels: at most half a quantization step if nothing
        else rounds (saturated pixels apart).
    """
    before, after, largest = errors.NONE, errors.NONE, 0.0
    for pair in track(sample, "comparing with the flow before storing (pairs)", len(sample)):
        stored = pair.reader.read(pair.video, pair.gap, pair.t)
        estimated = np.where(np.isfinite(stored).all(0), exact(pair), np.nan)
        truth = _truth(truths[pair.video], pair)
        before += errors.measure(estimated, *truth)
        after += errors.measure(stored, *truth)
        difference = np.abs(estimated - stored)
        largest = max(largest, float(np.max(difference, initial=0, where=difference >= 0)))
    return {
        "pairs": len(sample),
        "estimated": before.to_json(),
        "stored": after.to_json(),
        "largest_difference": largest,
    }


def estimating(estimator: FlowEstimator, frames: Mapping[str, FrameReader]) -> Exact:
    """Make a function that estimates pairs again, from the stored frames.

    Args:
        estimator: the one that the stored flow is from.
        frames: frame store by video name.
    """

    def exact(pair: Pair) -> np.ndarray:
        reader = frames[pair.video]
        images = [reader.read(pair.video, t) for t in (pair.t, pair.t + pair.gap)]
        return of_images(estimator, *images)

    return exact


def of_images(estimator: FlowEstimator, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Estimate flow (2, H, W) float32, pixels, between two (H, W, 3) uint8 RGB images."""
    import torch

    images = torch.from_numpy(np.stack([first, second])).permute(0, 3, 1, 2)
    return estimator.estimate(images[None])[0].numpy()


def count(readers: Sequence[FlowReader]) -> int:
    """Number of pairs in the stores, including videos without truth."""
    return sum(
        len(reader.frames_with_flow(video, gap))
        for reader in readers
        for video in reader.videos
        for gap in reader.gaps(video)
    )


def size_bytes(readers: Sequence[FlowReader]) -> int:
    """Bytes of the stores on disk."""
    return sum(file.stat().st_size for reader in readers for file in _files(reader.path))


def _files(path: Path) -> Iterator[Path]:
    yield from (file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]


def _truth(path: str | Path, pair: Pair) -> tuple[np.ndarray, np.ndarray]:
    """Exact flow of a pair, (2, H, W) float32, and the mask of visible points, (H, W) bool."""
    return truth.flow(path, pair.t, pair.gap), truth.visible_at_target(path, pair.t, pair.gap)


def _part(pair: Pair) -> dict[str, Any]:
    both = -pair.gap in pair.reader.gaps(pair.video)
    return {
        "video": pair.video,
        "gap": pair.gap,
        "pairs": 0,
        "saturated": pair.reader.statistics(pair.video, pair.gap)["saturated"],
        "errors": errors.NONE,
        "consistent": errors.NONE if both else None,
    }


def _as_json(part: dict[str, Any]) -> dict[str, Any]:
    consistent = part["consistent"]
    return {
        **part,
        "errors": part["errors"].to_json(),
        "consistent": None if consistent is None else consistent.to_json(),
    }
