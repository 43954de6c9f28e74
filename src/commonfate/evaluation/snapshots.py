"""The best of a run's snapshots.

Choosing it looks at the ground truth, as GWM's released code does to choose its `checkpoint_best`.
What is predicted with it says so. A snapshot is best by the frames and the foreground by which its
predictions are to be scored: by others it would be the best of something else.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from commonfate.base.errors import ConfigError, StoreError
from commonfate.datasets import annotations
from commonfate.evaluation import record
from commonfate.evaluation.masks import foreground
from commonfate.evaluation.masks.foreground import CLASSES, OBJECT, Foreground
from commonfate.evaluation.masks.score import score_frame
from commonfate.evaluation.protocols import Protocol, score_benchmark
from commonfate.evaluation.semantic import confusion
from commonfate.evaluation.semantic import score as semantic
from commonfate.methods.base import TrainedMethod
from commonfate.prediction.benchmark import Benchmark, Crop, central_square
from commonfate.prediction.segmenting import Segmented, Task, segment
from commonfate.training import checkpoint

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Choice:
    """How snapshots are scored.

    Attributes:
        protocol: which frames count, and how the mean is taken.
        foreground: which segments are scored, one of `foreground.NAMES`; None is what the method
            names, or the oracle where it names none.
    """

    protocol: Protocol
    foreground: str | None = None


def choose_best(
    run: Path, method: TrainedMethod, model: nn.Module, task: Task, choice: Choice
) -> tuple[Path, dict[str, Any]]:
    """Score every snapshot of a run; the earliest of equals wins.

    They are scored as trained, on the scored frames alone: neither adapted nor by a CRF. What
    learns from labels is scored by mIoU; all else by J.

    Args:
        run: the run's folder.
        method: the run's method.
        model: its network; its weights are overwritten.
        task: what is segmented.
        choice: by what the best is chosen.

    Returns:
        The best snapshot, and how it was found: `protocol`, `foreground`, `metric`, `frames` (how
        many count), and `scores`, that of every snapshot by its iteration, as in its file name.

    Raises:
        StoreError: the run has no snapshots, or one is damaged, or no frame counts.
        ConfigError: the rule does not fit the method, or the method predicts classes and the
            annotations are none.
    """
    snapshots = sorted((run / "snapshots").glob("*.pt"))
    if not snapshots:
        raise StoreError(f"{run}/snapshots: holds no *.pt to choose from; train the run again")
    protocol, rule = choice.protocol, _rule(method, choice.foreground)
    if rule == CLASSES:
        semantic.check_kind(task.benchmark, "--checkpoint best")
        metric, measure = "mIoU", _mean_iou
    else:
        metric, measure = "J", partial(_jaccard, protocol, foreground.get(rule))
    scored = record.scored_frames(protocol, task.benchmark)
    how = replace(task.options, crf=None, frames_of="annotated")
    plain = replace(task, benchmark=_only(task.benchmark, scored), options=how)
    scores = {}
    for path in snapshots:
        checkpoint.load_weights(path, model)
        frames = segment(method, model, plain, f"snapshot {path.stem}")
        scores[path.stem] = measure(frames, task.options.crop)
        told = path, metric, scores[path.stem], rule, protocol.name
        log.info("%s: %s %.4f (%s, protocol %s)", *told)
    best = max(snapshots, key=lambda path: scores[path.stem])
    log.info("%s: chosen by looking at the ground truth", best)
    facts = {"protocol": protocol.name, "foreground": rule, "metric": metric, "scores": scores}
    return best, facts | {"frames": len(plain.benchmark)}


def _rule(method: TrainedMethod, wanted: str | None) -> str:
    """What is scored, one of `foreground.NAMES`."""
    settings = method.settings
    of_classes = settings.gives == "classes"
    own = "oracle" if settings.foreground == "unsupervised" else settings.foreground
    rule = wanted or (CLASSES if of_classes else own)
    if (rule == CLASSES) != of_classes or (rule == OBJECT and settings.foreground != OBJECT):
        raise ConfigError(
            f"--foreground {rule}: method {settings.method} "
            + ("predicts classes alone" if of_classes else "predicts no such thing")
            + "; leave it out, or choose another"
        )
    return rule


def _only(benchmark: Benchmark, frames: Mapping[str, Sequence[int]]) -> Benchmark:
    """A benchmark of some of its annotated frames, by video."""
    videos = [
        replace(video, annotations={t: video.annotations[t] for t in frames[video.name]})
        for video in benchmark.videos
        if video.name in frames
    ]
    return replace(benchmark, videos=videos)


def _jaccard(
    protocol: Protocol, rule: Foreground, frames: Iterable[Segmented], crop: Crop
) -> float:
    values: dict[str, dict[int, float]] = {}
    for one in frames:
        truth, void = annotations.read(one.video.annotations[one.t], one.video.kind)
        if crop == "square":
            truth, void = central_square(truth), central_square(void)
        if void.all():
            continue
        segments = getattr(one, rule.segments), getattr(one.record, rule.segments)
        _, j = score_frame(*segments, truth, void, rule)
        values.setdefault(one.video.name, {})[one.t] = j
    if not values:
        raise record.nothing_counts()
    return score_benchmark(protocol, values).mean


def _mean_iou(frames: Iterable[Segmented], crop: Crop) -> float:
    total = np.zeros((), np.int64)
    for one in frames:
        annotation = one.video.annotations[one.t]
        truth = semantic.read_truth(annotation, crop)
        classes = one.record.components
        total = total + semantic.frame_matrix(one.components, truth, classes, annotation)
    return confusion.mean_iou(total)
