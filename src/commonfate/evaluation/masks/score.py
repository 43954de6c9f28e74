"""Scores of a benchmark: J of every frame, by sequence, and all metrics by a named protocol."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from commonfate.base.errors import ConfigError
from commonfate.base.files import check_replaceable, exclusive, replacing_directory, write_json
from commonfate.base.progress import track
from commonfate.datasets import annotations
from commonfate.evaluation import record
from commonfate.evaluation.masks import metrics
from commonfate.evaluation.masks.foreground import (
    OBJECT,
    Foreground,
    frame_jaccard,
    is_second,
    overlap,
)
from commonfate.evaluation.masks.metrics import Measures
from commonfate.evaluation.protocols import Protocol, Score, score_benchmark, score_sequence
from commonfate.prediction import benchmark
from commonfate.prediction.benchmark import Benchmark, Crop, central_square
from commonfate.prediction.predictions import Predictions
from commonfate.prediction.segmenting import Segmented


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


def mean_jaccard(
    frames: Iterable[Segmented], protocol: Protocol, foreground: Foreground, crop: Crop
) -> float:
    """Mean J of predictions that are not written.

    Args:
        frames: predictions of the scored frames.
        protocol: the mean.
        foreground: the rule that chooses.
        crop: the part of the annotations that is scored.

    Raises:
        StoreError: an annotation is broken, or no pixel counts.
    """
    values: dict[str, dict[int, float]] = {}
    for frame in frames:
        truth, void = read_truth(frame.video.annotations[frame.t], frame.video.kind, crop)
        if void.all():
            continue
        labels = getattr(frame, foreground.segments)
        segments = getattr(frame.record, foreground.segments)
        _, score = score_frame(labels, segments, truth, void, foreground)
        values.setdefault(frame.video.name, {})[frame.t] = score
    if not values:
        raise record.nothing_counts()
    return score_benchmark(protocol, values).mean


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

    A frame whose pixels are all void does not count. Where the truth is empty, an empty mask scores
    1, any other 0.

    Scores hold J of every scored frame; J's mean, recall and decay, and `metrics` (see
    `evaluation.masks.metrics`), of each sequence and of all; and metadata of the predictions.

    Args:
        predictions: of all annotated frames; annotations are cropped like the frames.
        manifest: manifest of the dataset that was segmented.
        protocol: the frames that count, and the mean.
        foreground: the rule that chooses.
        output: JSON file, replaced in one step.

    Returns:
        The content of the JSON.

    Raises:
        StoreError: a prediction or an annotation is missing or broken; nothing is written.
        ConfigError: the rule does not fit the method, or there is a folder for the masks that this
            program did not make.
    """
    output = Path(output)
    folder = output.with_suffix("")
    check_replaceable(folder, output, "protocol")
    task = benchmark.read(manifest, predictions.metadata["split"])
    task = task.without(predictions.metadata.get("left_out", {}))
    _check(predictions, foreground)
    scored = record.scored_frames(protocol, task)
    with exclusive(output):
        with replacing_directory(folder) as temporary:
            measured = _measure_frames(predictions, task, foreground, temporary)
            void = {
                video.name: frames
                for video in task.videos
                if (
                    frames := sorted(video.annotations.keys() - measured.get(video.name, {}).keys())
                )
            }
            counted = record.counted(scored, void)
        kept = {name: {t: measured[name][t] for t in frames} for name, frames in counted.items()}
        scores = (
            record.metadata(predictions, manifest, protocol, foreground.name, task, counted, void)
            | {"foreground_looks_at_ground_truth": foreground.looks_at_ground_truth}
            | _summary(protocol, kept)
        )
        write_json(output, scores)
    return scores


def _check(predictions: Predictions, foreground: Foreground) -> None:
    if foreground.name == OBJECT and predictions.metadata.get("foreground") != OBJECT:
        raise ConfigError(
            f"--foreground {OBJECT}: method {predictions.metadata['method']} of {predictions.path} "
            f"does not say which of its segments is the object; choose unsupervised"
        )


def _measure_frames(
    predictions: Predictions, task: Benchmark, foreground: Foreground, folder: Path
) -> dict[str, dict[int, Measures]]:
    """Measure every annotated frame that is not all void; writes the masks into `folder`."""
    measured: dict[str, dict[int, Measures]] = {}
    for video, t, annotation in track(task, "scoring", len(task)):
        truth, void = read_truth(annotation, video.kind, predictions.metadata["crop"])
        mask, measures = _measure_frame(predictions, foreground, (video.name, t), truth, void)
        if not void.all():
            measured.setdefault(video.name, {})[t] = measures
        path = folder / video.name / f"{t:05d}.png"
        path.parent.mkdir(exist_ok=True, parents=True)
        Image.fromarray(mask.astype(np.uint8) * 255).save(path)
    return measured


def read_truth(annotation: Path, kind: str, crop: Crop) -> tuple[np.ndarray, np.ndarray]:
    """Foreground and void, (h, w) bool each: of the part that is segmented.

    Raises:
        StoreError: the annotation is missing or broken.
    """
    truth, void = annotations.read(annotation, kind)
    return (central_square(truth), central_square(void)) if crop == "square" else (truth, void)


def _measure_frame(
    predictions: Predictions,
    foreground: Foreground,
    frame: tuple[str, int],
    truth: np.ndarray,
    void: np.ndarray,
) -> tuple[np.ndarray, Measures]:
    """The foreground of one frame, (H, W) bool, and its measures."""
    labels = predictions.read(foreground.segments, *frame, truth.shape)
    counts = overlap(labels, truth, void, predictions.metadata["segments"][foreground.segments])
    chosen = foreground.choose(labels, counts)
    levels = None
    if predictions.soft and foreground.segments == "groups":
        levels = metrics.levels(predictions.read_soft(*frame, truth.shape), truth, void)
        levels = levels if is_second(chosen, labels) else levels[::-1]
    return chosen[labels], metrics.of_frame(counts, chosen, levels)


def _summary(protocol: Protocol, kept: Mapping[str, Mapping[int, Measures]]) -> dict[str, Any]:
    values = {
        name: {t: float(measures["J"]) for t, measures in frames.items()}
        for name, frames in kept.items()
    }
    return {
        "average": protocol.average,
        "sequences": {
            name: _sequence(frames) | {"metrics": metrics.over_frames(protocol, {name: kept[name]})}
            for name, frames in values.items()
        },
        **_named(score_benchmark(protocol, values), ("J", "recall", "decay")),
        "metrics": metrics.over_frames(protocol, kept),
    }


def _sequence(frames: Mapping[int, float]) -> dict[str, Any]:
    return {
        **_named(score_sequence(frames), ("J_mean", "J_recall", "J_decay")),
        "frames": {f"{t:05d}": frames[t] for t in sorted(frames)},
    }


def _named(score: Score, names: tuple[str, str, str]) -> dict[str, float]:
    return dict(zip(names, (score.mean, score.recall, score.decay), strict=True))
