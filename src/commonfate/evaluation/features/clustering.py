"""Clusters of features against classes: of each frame, each clip, or of the whole data set.

TimeT, Table 4 (F, C, D) and Table 5 (VOC, K = 21 and 500). With `clusters` none there are as many
clusters as classes in each unit, and Hungarian matching; more clusters are matched by precision,
each to a class. Truth chooses the number of clusters and the matching in both variants, as the
protocol says; features are standardised, reduced and clustered on the frames that are scored.

As released, features (not label maps) are enlarged, standardisation and components are fitted on a
batch of clips, the score is a mean of batch means, and void is a class of its own in F and C.
"""

from collections.abc import Sequence

import numpy as np

from commonfate.base.text import counted
from commonfate.datasets.mask_values import VOID
from commonfate.evaluation.features import matching
from commonfate.evaluation.features.result import Result, over_repeats
from commonfate.evaluation.features.settings import ClusteringSettings
from commonfate.evaluation.features.units import (
    Unit,
    batches,
    centres_of,
    enlarge,
    labels_of,
    reduction_of,
    units_of,
)

CLASSES = VOID
"""Columns of counts: classes are 0 to 254."""
ALL_VOID = "its truth is void everywhere"


def score(
    features: np.ndarray,
    truth: np.ndarray,
    settings: ClusteringSettings,
    clips: Sequence[int] | np.ndarray | None = None,
) -> Result:
    """Cluster features, match clusters to classes, and take the mean IoU.

    Args:
        features: (n, h, w, C) float, finite.
        truth: (n, H, W) uint8, classes, 255 void.
        settings: the protocol.
        clips: (n,) number of the clip of each frame; None: each frame is a clip.

    Returns:
        `mIoU`: of the pooled counts of a data set; else the mean over frames or clips. Items are
        the mean IoU of each frame with its unit's matching; predictions are classes, 255 where a
        cluster has none; classes are those of a data set.

    Raises:
        ValueError: features, truth and clips differ in number, or a feature is not finite.
    """
    if not len(features) == len(truth) == (len(truth) if clips is None else len(clips)):
        raise ValueError(f"{len(features)} feature maps, {len(truth)} label maps, {clips} clips")
    numbers = np.arange(len(truth)) if clips is None else np.asarray(clips)
    seeds = range(settings.seed, settings.seed + settings.repeats)
    return over_repeats([_score(features, truth, settings, numbers, seed) for seed in seeds])


def _score(
    features: np.ndarray,
    truth: np.ndarray,
    settings: ClusteringSettings,
    clips: np.ndarray,
    seed: int,
) -> Result:
    predictions = np.full(truth.shape, VOID, np.uint8)
    items = np.full(len(truth), np.nan)
    means: list[float] = []
    few = scored = 0
    each: np.ndarray | None = None
    for batch in batches(clips, settings.level, settings.batch):
        units = [
            unit
            for frames in units_of(clips, batch, settings.level)
            if (unit := _unit(features, truth, frames, settings)) is not None
        ]
        if not units:
            continue
        together = (
            reduction_of(units, settings.components, seed) if settings.batch is not None else None
        )
        in_batch = []
        for unit in units:
            reduced = together or reduction_of([unit], settings.components, seed)
            k = settings.clusters or len(unit.classes)
            centres = centres_of(
                unit,
                reduced,
                k,
                seed,
                points_per_cluster=settings.points_per_cluster,
                starts=settings.starts,
                iterations=settings.iterations,
            )
            few += len(centres) < k
            scored += 1
            each = _match(unit, labels_of(unit, reduced, centres), settings, predictions, items)
            in_batch.append(matching.mean_iou(each, settings.background))
        means.append(_mean(in_batch) if settings.batch is not None else np.nan)
        if settings.batch is None:
            means[-1:] = in_batch
    classes = None
    if settings.level == "dataset" and each is not None:
        classes = each[: 1 + np.flatnonzero(~np.isnan(each)).max()]
    void = (truth == VOID).all((1, 2)) & (not settings.void_is_a_class)
    note = f"fewer different features than clusters in {few} of {counted(scored, 'unit')}"
    return Result(
        {"mIoU": _mean(means)},
        items,
        predictions,
        classes=classes,
        left_out=dict.fromkeys(np.flatnonzero(void).tolist(), ALL_VOID),
        notes=(note,) if few else (),
    )


def _unit(
    features: np.ndarray, truth: np.ndarray, frames: np.ndarray, settings: ClusteringSettings
) -> Unit | None:
    """Features and truth that are clustered together; None if all is void."""
    labels = truth[frames]
    if settings.void_is_a_class and (labels == VOID).any():
        free = np.setdiff1d(np.arange(CLASSES), labels)
        labels = np.where(labels == VOID, free[-1], labels)
    unit = Unit.of(features, frames, labels, settings.side)
    return unit if len(unit.classes) else None


def _match(
    unit: Unit,
    labels: np.ndarray,
    settings: ClusteringSettings,
    predictions: np.ndarray,
    items: np.ndarray,
) -> np.ndarray:
    """IoU of each class; predictions and items of the unit's frames are filled in."""
    k = 1 + int(labels.max())
    counts = np.stack(
        [
            matching.count(frame, true, k, CLASSES)
            for frame, true in zip(labels, unit.truth, strict=True)
        ]
    )
    pooled = counts.sum(0)
    by: matching.Matching = (
        "hungarian" if settings.matched == "hungarian" else "many_to_one_precision"
    )
    matched = matching.match(pooled, by)
    left_over = 0 if settings.left_over == "background" else None
    classes = np.where(matched == matching.LEFT_OVER, VOID if left_over is None else 0, matched)
    size = predictions.shape[1:]
    for frame, label, part in zip(unit.frames, labels, counts, strict=True):
        predictions[frame] = classes[enlarge(label, size)]
        each = matching.iou(part, matched, left_over)
        items[frame] = matching.mean_iou(each, settings.background)
    return matching.iou(pooled, matched, left_over)


def _mean(values: Sequence[float]) -> float:
    counted = [value for value in values if not np.isnan(value)]
    return float(np.mean(counted)) if counted else float("nan")
