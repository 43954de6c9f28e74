"""Metadata common to all score files: frames, protocol, predictions, provenance."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from commonfate.base import provenance
from commonfate.base.errors import ConfigError, StoreError
from commonfate.evaluation.protocols import Protocol
from commonfate.prediction.benchmark import Benchmark
from commonfate.prediction.predictions import PASSED_ON, Predictions

log = logging.getLogger(__name__)


def scored_frames(protocol: Protocol, task: Benchmark) -> dict[str, list[int]]:
    """The frames that a protocol scores, by sequence; sequences without any are left out.

    Raises:
        StoreError: nothing is left.
    """
    frames = {
        video.name: protocol.scored(list(video.annotations), video.frames) for video in task.videos
    }
    if not any(frames.values()):
        raise StoreError(
            f"protocol {protocol.name} scores no annotated frame of {', '.join(frames)}; choose "
            f"another with --protocol"
        )
    return {name: times for name, times in frames.items() if times}


def check_annotations(task: Benchmark, kinds: Sequence[str], option: str) -> None:
    """Refuse a benchmark whose annotations are of none of some kinds, see `datasets.annotations`.

    Args:
        task: the benchmark.
        kinds: names without numbers.
        option: see below.

    Raises:
        ConfigError: this is so; the message begins with the option that the user gave.
    """
    for video in task.videos:
        if video.kind.partition(":")[0] not in kinds:
            raise ConfigError(
                f"{option}: the annotations of video {video.name!r} are of the kind {video.kind}, "
                f"not {' or '.join(kinds)}; name the manifest of a dataset of such a kind"
            )


def counted(
    scored: Mapping[str, Sequence[int]], void: Mapping[str, Sequence[int]]
) -> dict[str, list[int]]:
    """The scored frames that have a pixel to score; sequences without any are left out.

    Args:
        scored: see `scored_frames`.
        void: the frames whose pixels are all void, by sequence.

    Raises:
        StoreError: nothing is left.
    """
    frames = {
        name: [t for t in times if t not in void.get(name, ())] for name, times in scored.items()
    }
    if not any(frames.values()):
        raise nothing_counts()
    return {name: times for name, times in frames.items() if times}


def nothing_counts() -> StoreError:
    """The error for a benchmark without a pixel to score."""
    return StoreError(
        "every pixel of the frames that are scored is void, so there is nothing to score; check "
        "annotation_kind of the data set"
    )


def metadata(
    predictions: Predictions,
    manifest: str | Path,
    protocol: Protocol,
    foreground: str,
    task: Benchmark,
    kept: Mapping[str, Sequence[int]],
    void: Mapping[str, Sequence[int]],
) -> dict[str, Any]:
    """Metadata that stands beside the scores.

    Args:
        predictions: the predictions that were scored.
        manifest: of the dataset that was segmented.
        protocol: the protocol of the scores.
        foreground: the rule of the scores, one of `kinds.rules`.
        task: the benchmark.
        kept: see `counted`.
        void: the annotated frames whose pixels are all void, by sequence.
    """
    scored = scored_frames(protocol, task)
    unscored = {
        video.name: "every pixel of its scored frames is void"
        if video.name in scored
        else f"protocol {protocol.name} scores none of its frames"
        for video in task.videos
        if video.name not in kept
    }
    return {
        "protocol": protocol.name,
        "n_sequences": len(kept),
        "n_frames": sum(len(frames) for frames in kept.values()),
        "excluded_frames": {
            video.name: sorted(set(video.annotations) - set(kept.get(video.name, ())))
            for video in task.videos
        },
        "void_frames": {name: sorted(frames) for name, frames in void.items()},
        "left_out": task.left_out | unscored,
        "foreground": foreground,
        **{key: predictions.metadata[key] for key in PASSED_ON},
        "checkpoint_chosen_by": _chosen_by(predictions, protocol, foreground),
        "provenance": provenance.record(
            "evaluate",
            {"protocol": protocol.name, "foreground": foreground},
            [predictions.path, manifest],
        ),
    }


def _chosen_by(
    predictions: Predictions, protocol: Protocol, foreground: str
) -> dict[str, str] | None:
    """Protocol and rule by which the best snapshot was chosen; warn if others score it."""
    choice = predictions.metadata.get("snapshot_scores")
    if choice is None:
        return None
    if (choice["protocol"], choice["foreground"]) != (protocol.name, foreground):
        log.warning(
            "%s: its snapshot is the best by protocol %s and foreground %s, not by those of these "
            "scores",
            predictions.path,
            choice["protocol"],
            choice["foreground"],
        )
    return {key: choice[key] for key in ("protocol", "foreground")}
