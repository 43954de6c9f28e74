"""The best of a run's snapshots.

Choosing it looks at the ground truth, as GWM's released code does to choose its `checkpoint_best`.
What is predicted with it says so.
"""

import logging
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from commonfate.datasets import annotations
from commonfate.errors import StoreError
from commonfate.evaluation import confusion, foreground, semantic
from commonfate.evaluation.crop import Crop, central_square
from commonfate.evaluation.foreground import CLASSES, Foreground
from commonfate.evaluation.protocols import Protocol, score_benchmark
from commonfate.evaluation.record import scored_frames
from commonfate.evaluation.score import score_frame
from commonfate.evaluation.segmenting import Segmented, Task, segment
from commonfate.methods.base import TrainedMethod
from commonfate.training import checkpoint

log = logging.getLogger(__name__)


def choose_best(
    run: Path, method: TrainedMethod, model: nn.Module, task: Task, protocol: Protocol
) -> tuple[Path, dict[str, Any]]:
    """Score every snapshot of a run; the earliest of equals wins.

    They are scored as trained, on the annotated frames alone: neither adapted nor by a CRF. What
    learns from labels is scored by mIoU; all else by J, of the foreground that the method names, or
    of the oracle's where it names none.

    Args:
        run: the run's folder.
        method: the run's method.
        model: its network; its weights are overwritten.
        task: what is segmented.
        protocol: which frames count, and how the mean is taken.

    Returns:
        The best snapshot, and how it was found: `protocol`, `foreground`, `metric`, and `scores`,
        that of every snapshot by its iteration, as in its file name.

    Raises:
        StoreError: the run has no snapshots, or one is damaged.
        ConfigError: the method predicts classes, and the annotations are none.
    """
    snapshots = sorted((run / "snapshots").glob("*.pt"))
    if not snapshots:
        raise StoreError(f"{run}/snapshots: holds no *.pt to choose from; train the run again")
    rule = _rule(method)
    if rule == CLASSES:
        semantic.check_kind(task.benchmark, "--checkpoint best")
        metric, measure = "mIoU", _mean_iou
    else:
        metric, measure = "J", partial(_jaccard, protocol, foreground.get(rule))
    scored = scored_frames(protocol, task.benchmark)
    plain = replace(task, how=replace(task.how, crf=None, frames_of="annotated"))
    scores = {}
    for path in snapshots:
        checkpoint.load_weights(path, model)
        every = segment(method, model, plain, f"snapshot {path.stem}")
        frames = (one for one in every if one.t in scored.get(one.video.name, ()))
        scores[path.stem] = measure(frames, task.how.crop)
        told = path, metric, scores[path.stem], rule, protocol.name
        log.info("%s: %s %.4f (%s, protocol %s)", *told)
    best = max(snapshots, key=lambda path: scores[path.stem])
    log.info("%s: chosen by looking at the ground truth", best)
    how = {"protocol": protocol.name, "foreground": rule, "metric": metric, "scores": scores}
    return best, how


def _rule(method: TrainedMethod) -> str:
    """What is scored, one of `foreground.NAMES`."""
    settings = method.settings
    if settings.learns_from == "labels":
        return CLASSES
    return "oracle" if settings.foreground == "unsupervised" else settings.foreground


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
        _, j = score_frame(one.groups, one.facts.groups, truth, void, rule)
        values.setdefault(one.video.name, {})[one.t] = j
    return score_benchmark(protocol, values).mean


def _mean_iou(frames: Iterable[Segmented], crop: Crop) -> float:
    total = np.zeros((), np.int64)
    for one in frames:
        annotation = one.video.annotations[one.t]
        truth = semantic.read_truth(annotation, crop)
        classes = one.facts.components
        total = total + semantic.frame_matrix(one.components, truth, classes, annotation)
    return confusion.mean_iou(total)
