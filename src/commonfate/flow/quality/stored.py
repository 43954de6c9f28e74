"""Stored flow of a dataset against its exact truth, pair by pair."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from commonfate.base.errors import UserError
from commonfate.base.progress import track
from commonfate.datasets.sprites import truth
from commonfate.flow.drawing.review import agreement
from commonfate.flow.quality import errors as quality
from commonfate.storage.flow_reader import FlowReader


@dataclass(frozen=True)
class Pair:
    """One pair of frames with stored flow."""

    reader: FlowReader
    video: str
    gap: int
    t: int


def pairs(readers: Sequence[FlowReader], truths: Mapping[str, str]) -> list[Pair]:
    """Every stored pair, by video, gap and t.

    Args:
        readers: the stores of all shards.
        truths: path of the truth by name of the video; other videos are passed over.

    Raises:
        UserError: there is none.
    """
    found = [
        Pair(reader, video, gap, t)
        for reader in readers
        for video in reader.videos
        if video in truths
        for gap in reader.gaps(video)
        for t in reader.frames_with_flow(video, gap)
    ]
    if not found:
        raise UserError(
            "no stored flow of a video whose flow is known exactly; end-point errors need one of "
            "the embedded datasets (adapter sprites) and its flow"
        )
    return sorted(found, key=lambda pair: (pair.video, pair.gap, pair.t))


def measure(found: Sequence[Pair], truths: Mapping[str, str]) -> list[dict[str, Any]]:
    """Errors by video and gap.

    Args:
        found: what `pairs` listed.
        truths: path of the truth by name of the video.

    Returns:
        For each video and gap `video`, `gap`, `pairs`, `saturated` (pixels), `errors`, and
        `consistent`: the errors where pixels that fail the forward-backward test count as without
        value; None where the opposite gap is not stored.
    """
    parts: dict[tuple[str, int], dict[str, Any]] = {}
    for pair in track(found, "comparing with the truth (pairs)", len(found)):
        part = parts.setdefault((pair.video, pair.gap), _part(pair))
        flow = pair.reader.read(pair.video, pair.gap, pair.t)
        known = known_truth(truths[pair.video], pair)
        part["pairs"] += 1
        part["errors"] += quality.measure(flow, *known)
        if part["consistent"] is not None:
            agrees = agreement(pair.reader, pair.video, pair.gap, pair.t, flow)
            agreeing = np.where(agrees, flow, np.nan)
            part["consistent"] += quality.measure(agreeing, *known)
    return [_as_json(part) for part in parts.values()]


def known_truth(path: str | Path, pair: Pair) -> tuple[np.ndarray, np.ndarray]:
    """Exact flow of a pair, (2, H, W) float32, and whether pixels stay in sight, (H, W) bool."""
    return truth.flow(path, pair.t, pair.gap), truth.visible_at_target(path, pair.t, pair.gap)


def count(readers: Sequence[FlowReader]) -> int:
    """Pairs in the stores, those of videos without truth included."""
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


def _part(pair: Pair) -> dict[str, Any]:
    both = -pair.gap in pair.reader.gaps(pair.video)
    return {
        "video": pair.video,
        "gap": pair.gap,
        "pairs": 0,
        "saturated": pair.reader.statistics(pair.video, pair.gap)["saturated"],
        "errors": quality.NONE,
        "consistent": quality.NONE if both else None,
    }


def _as_json(part: dict[str, Any]) -> dict[str, Any]:
    both = part["consistent"]
    return {
        **part,
        "errors": part["errors"].to_json(),
        "consistent": None if both is None else both.to_json(),
    }
