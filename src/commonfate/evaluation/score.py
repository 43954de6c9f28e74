"""Scores of a benchmark: J of every frame, kept by sequence, and their mean by a named protocol."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from commonfate import provenance
from commonfate.errors import StoreError
from commonfate.evaluation import annotations, benchmark, replaceable
from commonfate.evaluation.benchmark import Benchmark
from commonfate.evaluation.foreground import Foreground, frame_jaccard, overlap
from commonfate.evaluation.predictions import PASSED_ON, Predictions
from commonfate.evaluation.protocols import Protocol, Score, score_benchmark, score_sequence
from commonfate.files import replacing_directory, write_json
from commonfate.progress import track


def score_frame(
    labels: np.ndarray,
    segments: int,
    truth: np.ndarray,
    void: np.ndarray,
    foreground: Foreground,
) -> tuple[np.ndarray, float]:
    """Choose the foreground of one frame and score it.

    Args:
        labels: (H, W) uint8 in [0, segments).
        segments: number of segments; some may be absent.
        truth: (H, W) bool, true foreground.
        void: (H, W) bool, pixels that do not count.
        foreground: the rule that chooses.

    Returns:
        The foreground, (H, W) bool, and its J.
    """
    counts = overlap(labels, truth, void, segments)
    chosen = foreground.choose(labels, counts)
    return chosen[labels], frame_jaccard(counts, chosen)


def select(
    protocol: Protocol, task: Benchmark, values: Mapping[str, Mapping[int, float]]
) -> dict[str, dict[int, float]]:
    """Keep the frames that a protocol scores, and the sequences that have any.

    Raises:
        StoreError: nothing is left.
    """
    kept = {}
    for video in task.videos:
        frames = protocol.scored(list(video.annotations), video.frames)
        if frames:
            kept[video.name] = {t: values[video.name][t] for t in frames}
    if not kept:
        raise StoreError(
            f"protocol {protocol.name} scores no annotated frame of "
            f"{', '.join(video.name for video in task.videos)}; choose another with --protocol"
        )
    return kept


def evaluate(
    predictions: Predictions,
    manifest: str | Path,
    protocol: Protocol,
    foreground: Foreground,
    output: str | Path,
) -> dict[str, Any]:
    """Score predictions; write the chosen foreground masks and the scores.

    The masks, PNG with 0 and 255, of every annotated frame, scored or not, go into the folder
    beside `output` that has its name without `.json`; the scores are written after them.

    Args:
        predictions: what is scored.
        manifest: manifest of the dataset that was segmented.
        protocol: which frames count, and how the mean is taken.
        foreground: which segments are foreground.
        output: JSON file, replaced in one step.

    Returns:
        What the JSON holds.

    Raises:
        StoreError: a prediction or an annotation is missing or broken; nothing is written.
        ConfigError: there is a folder for the masks that this program did not make.
    """
    output = Path(output)
    folder = output.with_suffix("")
    replaceable.check(folder, output, "protocol")
    task = benchmark.read(manifest, predictions.facts["split"])
    with replacing_directory(folder) as temporary:
        values = _score_frames(predictions, task, foreground, temporary)
        kept = select(protocol, task, values)
    facts = _summary(protocol, task, values, kept) | {
        "foreground": foreground.name,
        "foreground_looks_at_ground_truth": foreground.looks_at_ground_truth,
        **{key: predictions.facts[key] for key in PASSED_ON},
        "provenance": provenance.record(
            "evaluate",
            {"protocol": protocol.name, "foreground": foreground.name},
            [predictions.path, manifest],
        ),
    }
    write_json(output, facts)
    return facts


def _score_frames(
    predictions: Predictions, task: Benchmark, foreground: Foreground, folder: Path
) -> dict[str, dict[int, float]]:
    """J of every annotated frame; writes the masks into `folder`."""
    segments = predictions.facts["segments"][foreground.segments]
    values: dict[str, dict[int, float]] = {}
    for video, t, annotation in track(task, "scoring", len(task)):
        truth, void = annotations.read(annotation, video.kind)
        labels = predictions.read(foreground.segments, video.name, t, truth.shape)
        mask, j = score_frame(labels, segments, truth, void, foreground)
        values.setdefault(video.name, {})[t] = j
        path = folder / video.name / f"{t:05d}.png"
        path.parent.mkdir(exist_ok=True, parents=True)
        Image.fromarray(mask.astype(np.uint8) * 255).save(path)
    return values


def _summary(
    protocol: Protocol,
    task: Benchmark,
    values: Mapping[str, Mapping[int, float]],
    kept: Mapping[str, Mapping[int, float]],
) -> dict[str, Any]:
    overall = score_benchmark(protocol, kept)
    unscored = {
        name: f"protocol {protocol.name} scores none of its frames"
        for name in values
        if name not in kept
    }
    return {
        "protocol": protocol.name,
        "average": protocol.average,
        "sequences": {name: _sequence(frames) for name, frames in kept.items()},
        **_named(overall, ("J", "recall", "decay")),
        "n_sequences": len(kept),
        "n_frames": sum(len(frames) for frames in kept.values()),
        "excluded_frames": {
            name: sorted(set(frames) - set(kept.get(name, ()))) for name, frames in values.items()
        },
        "left_out": task.left_out | unscored,
    }


def _sequence(frames: Mapping[int, float]) -> dict[str, Any]:
    return {
        **_named(score_sequence(frames), ("J_mean", "J_recall", "J_decay")),
        "frames": {f"{t:05d}": frames[t] for t in sorted(frames)},
    }


def _named(score: Score, names: tuple[str, str, str]) -> dict[str, float]:
    return dict(zip(names, (score.mean, score.recall, score.decay), strict=True))
