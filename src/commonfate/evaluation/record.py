"""What every file of scores says of itself: frames, protocol, predictions, provenance."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from commonfate import provenance
from commonfate.errors import StoreError
from commonfate.evaluation.benchmark import Benchmark
from commonfate.evaluation.predictions import PASSED_ON, Predictions
from commonfate.evaluation.protocols import Protocol


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
    return {name: some for name, some in frames.items() if some}


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
        name: [t for t in some if t not in void.get(name, ())] for name, some in scored.items()
    }
    if not any(frames.values()):
        raise StoreError(
            f"every pixel of the scored frames of {', '.join(frames)} is void, so there is nothing "
            f"to score; check annotation_kind of the data set"
        )
    return {name: some for name, some in frames.items() if some}


def facts(
    predictions: Predictions,
    manifest: str | Path,
    protocol: Protocol,
    foreground: str,
    task: Benchmark,
    kept: Mapping[str, Sequence[int]],
    void: Mapping[str, Sequence[int]],
) -> dict[str, Any]:
    """What stands beside the scores.

    Args:
        predictions: what was scored.
        manifest: of the dataset that was segmented.
        protocol: how it was scored.
        foreground: which segments were scored, one of `foreground.NAMES`.
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
        **{key: predictions.facts[key] for key in PASSED_ON},
        "provenance": provenance.record(
            "evaluate",
            {"protocol": protocol.name, "foreground": foreground},
            [predictions.path, manifest],
        ),
    }
