"""Clusters of features against classes: of each frame, each clip, or of the whole data set.

TimeT, Table 4 (F, C, D) and Table 5 (VOC, K = 21 and 500). With `clusters` none there are as many
clusters as classes in each unit, and Hungarian matching; more clusters are matched by precision,
each to a class. Truth chooses the number of clusters and the matching in both variants, as the
protocol says; features are standardised, reduced and clustered on the frames that are scored.

As released, features (not label maps) are enlarged, standardisation and components are fitted on a
batch of clips, the score is a mean of batch means, and void is a class of its own in F and C.

Of a foreground alone (TimeT, Table 10, with cluster-based foreground extraction) one cluster less
is fitted, and all that is not foreground is the first cluster.
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
from commonfate.models.grouping.reduction import Reduction

CLASSES = VOID
"""Columns of counts: classes are 0 to 254."""
ALL_VOID = "its truth is void everywhere"


def score(
    features: np.ndarray,
    truth: np.ndarray,
    settings: ClusteringSettings,
    clips: Sequence[int] | np.ndarray | None = None,
    inside: np.ndarray | None = None,
) -> Result:
    """Cluster features, match clusters to classes, and take the mean IoU.

    Args:
        features: (n, h, w, C) float, finite.
        truth: (n, H, W) uint8, classes, 255 void.
        settings: the protocol.
        clips: (n,) number of the clip of each frame; None: each frame is a clip.
        inside: (n, h, w) bool, the foreground: K - 1 clusters are of its patches, and all others
            are a cluster of their own; None: K clusters are of all patches.

    Returns:
        `mIoU`: of the pooled counts of a data set; else the mean over frames or clips. Items are
        the mean IoU of each frame with its unit's matching; predictions are classes, 255 where a
        cluster has none; classes are those of a data set.

    Raises:
        ValueError: features, truth and clips differ in number, a feature is not finite, or no
            patch of a unit is foreground.
    """
    if not len(features) == len(truth) == (len(truth) if clips is None else len(clips)):
        raise ValueError(f"{len(features)} feature maps, {len(truth)} label maps, {clips} clips")
    numbers = np.arange(len(truth)) if clips is None else np.asarray(clips)
    seeds = range(settings.seed, settings.seed + settings.repeats)
    repeats = [_Repeat(seed, settings, truth) for seed in seeds]
    for batch in batches(numbers, settings.level, settings.batch or 1):
        units = [
            unit
            for frames in units_of(numbers, batch, settings.level)
            if (unit := _unit(features, truth, frames, settings, inside)) is not None
        ]
        together = None
        if units and settings.batch is not None:
            together = reduction_of(units, settings.components, settings.seed)
        reductions = [
            together or reduction_of([unit], settings.components, settings.seed) for unit in units
        ]
        for repeat in repeats:
            repeat.add(units, reductions)
    return over_repeats([repeat.result() for repeat in repeats])


class _Repeat:
    """One clustering of all units.

    Args:
        seed: of the samples and of the centres.
        settings: the protocol.
        truth: (n, H, W) uint8 of all frames.
    """

    def __init__(self, seed: int, settings: ClusteringSettings, truth: np.ndarray) -> None:
        self.seed, self.settings, self.truth = seed, settings, truth
        self.predictions = np.full(truth.shape, VOID, np.uint8)
        self.items = np.full(len(truth), np.nan)
        self.means: list[float] = []
        self.few = self.scored = 0
        self.classes: np.ndarray | None = None

    def add(self, units: Sequence[Unit], reductions: Sequence[Reduction]) -> None:
        """Cluster and match a batch of units, of reduced features."""
        settings, means = self.settings, []
        for unit, reduced in zip(units, reductions, strict=True):
            k = max(1, (settings.clusters or len(unit.classes)) - (unit.inside is not None))
            centres = centres_of(
                unit,
                reduced,
                k,
                self.seed,
                points_per_cluster=settings.points_per_cluster,
                starts=settings.starts,
                iterations=settings.iterations,
            )
            self.few += len(centres) < k
            self.scored += 1
            labels = labels_of(unit, reduced, centres)
            if unit.inside is not None:
                labels = np.where(unit.inside, labels + 1, 0)
            each = _match(unit, labels, settings, self.predictions, self.items)
            means.append(matching.mean_iou(each, settings.background))
            if settings.level == "dataset":
                self.classes = each[: 1 + np.flatnonzero(~np.isnan(each)).max()]
        if units:
            self.means += means if settings.batch is None else [_mean(means)]

    def result(self) -> Result:
        """Scores of all that was added."""
        void = (self.truth == VOID).all((1, 2)) & (not self.settings.void_is_a_class)
        units = counted(self.scored, "unit")
        note = f"fewer different features than clusters in {self.few} of {units}"
        return Result(
            {"mIoU": _mean(self.means)},
            self.items,
            self.predictions,
            classes=self.classes,
            left_out=dict.fromkeys(np.flatnonzero(void).tolist(), ALL_VOID),
            notes=(note,) if self.few else (),
        )


def _unit(
    features: np.ndarray,
    truth: np.ndarray,
    frames: np.ndarray,
    settings: ClusteringSettings,
    inside: np.ndarray | None,
) -> Unit | None:
    """Features and truth that are clustered together; None if all is void."""
    labels = truth[frames]
    if settings.void_is_a_class and (labels == VOID).any():
        free = np.setdiff1d(np.arange(CLASSES), labels)
        labels = np.where(labels == VOID, free[-1], labels)
    part = None if inside is None else inside[frames]
    unit = Unit.of(features, frames, labels, settings.side, part)
    if part is not None and len(unit.classes) and not unit.points:
        raise ValueError(
            "no patch is foreground, so there is nothing to cluster; make fewer clusters background"
        )
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
