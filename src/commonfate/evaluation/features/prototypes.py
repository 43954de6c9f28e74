"""Prototypes of foregrounds: images clustered by the mean feature of what attention marks.

FlowDINO, Table V. Each image has one object: the patches of more than average attention. The mean
features of the objects are clustered, each pixel of an object gets its cluster, and clusters and
background are matched to classes one to one by their pixels. Truth enters in the matching alone.
"""

import numpy as np
from pydantic import Field, PositiveInt

from commonfate.base.settings import Settings
from commonfate.datasets.mask_values import VOID
from commonfate.evaluation.features import matching
from commonfate.evaluation.features.result import Result, over_repeats
from commonfate.evaluation.features.units import enlarge
from commonfate.models.grouping import clusters, reduction

NO_OBJECT = "attention is the same everywhere"
ALL_VOID = "its truth is void everywhere"


class PrototypesSettings(Settings):
    """Clustering of objects."""

    clusters: PositiveInt = 20
    """K, the classes without background."""
    components: PositiveInt = 64
    """Whitened principal components of the mean features, after these have length 1."""
    starts: PositiveInt = 10
    """Runs of K-means, of which the best is taken."""
    iterations: PositiveInt = 300
    """Most steps of a run."""
    seed: int = Field(0, ge=0)
    """Seed of the first repeat; the next have the next."""
    repeats: PositiveInt = 10
    """Clusterings whose mean and deviation are reported."""
    side: PositiveInt | None = None
    """Masks and truth are compared on squares of this side; none: at the truth's size."""

    def as_released(self) -> "PrototypesSettings":
        """The protocol of FlowDINO's released code, which compares masks of 224 x 224 pixels."""
        return self.model_copy(update={"side": 224})


def objects(attention: np.ndarray) -> np.ndarray:
    """Patches of more than the average attention of their image.

    Args:
        attention: (n, heads, h, w) float, rows of the class token; heads are averaged.

    Returns:
        (n, h, w) bool, empty where attention is the same everywhere.
    """
    maps = attention.astype(np.float64).mean(1)
    mean = maps.mean((1, 2), keepdims=True)
    return maps > mean * (1 + 1e-9)


def prototypes(features: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Mean features of objects, of length 1.

    Args:
        features: (n, h, w, C) float.
        masks: (n, h, w) bool.

    Returns:
        (n, C) float32; 0 where the mask is empty.
    """
    means = np.stack(
        [
            feature[mask].astype(np.float32).mean(0) if mask.any() else np.zeros(feature.shape[-1])
            for feature, mask in zip(features, masks, strict=True)
        ]
    )
    length = np.linalg.norm(means, axis=1, keepdims=True)
    return (means / np.where(length > 0, length, 1)).astype(np.float32)


def score(
    features: np.ndarray, attention: np.ndarray, truth: np.ndarray, settings: PrototypesSettings
) -> Result:
    """Cluster the objects of images, and take the mean IoU of the matched classes.

    Args:
        features: (n, h, w, C) float, finite.
        attention: (n, heads, h, w) float.
        truth: (n, H, W) uint8, 0 background, 255 void.
        settings: the protocol.

    Returns:
        `mIoU` over background and all classes that occur, pooled over the images; its population
        standard deviation over the repeats. Items are the mean IoU of each image; predictions are
        classes, 255 where a cluster has none.

    Raises:
        ValueError: the numbers of images differ, or a feature is not finite.
    """
    if not len(features) == len(attention) == len(truth):
        counts = f"{len(features)} feature maps, {len(attention)} attention maps"
        raise ValueError(f"{counts}, {len(truth)} label maps")
    masks = objects(attention)
    present = masks.any((1, 2))
    vectors = prototypes(features, masks)[present]
    if len(vectors):
        vectors = reduction.fit(vectors, settings.components, standardise=False, whiten=True)(
            vectors
        )
        vectors = np.round(vectors, 5) + np.float32(0)  # equal up to rounding is equal
    left_out = dict.fromkeys(np.flatnonzero(~present).tolist(), NO_OBJECT)
    left_out |= dict.fromkeys(np.flatnonzero((truth == VOID).all((1, 2))).tolist(), ALL_VOID)
    results = []
    for seed in range(settings.seed, settings.seed + settings.repeats):
        groups = np.zeros(len(features), np.int64)
        notes: tuple[str, ...] = ()
        if len(vectors):
            centres = clusters.fit(
                vectors,
                settings.clusters,
                seed,
                points_per_cluster=len(vectors),
                starts=settings.starts,
                iterations=settings.iterations,
            )
            groups[present] = 1 + clusters.assign(vectors, centres)
            if len(centres) < settings.clusters:
                notes = (f"fewer different objects than clusters: {len(centres)}",)
        results.append(_match(groups, masks, truth, settings, left_out, notes))
    return over_repeats(results)


def _match(
    groups: np.ndarray,
    masks: np.ndarray,
    truth: np.ndarray,
    settings: PrototypesSettings,
    left_out: dict[int, str],
    notes: tuple[str, ...],
) -> Result:
    """Scores of images whose objects have these numbers (n,), from 1."""
    height, width = truth.shape[1:]
    size = (settings.side, settings.side) if settings.side else (height, width)
    k = 1 + settings.clusters
    labels = masks * groups[:, None, None]
    scored = np.array([i for i in range(len(truth)) if i not in left_out], np.int64)
    counts = np.zeros((len(truth), k, VOID), np.int64)
    for i in scored:
        counts[i] = matching.count(enlarge(labels[i], size), enlarge(truth[i], size), k, VOID)
    pooled = counts.sum(0)
    matched = matching.match(pooled, "hungarian_points")
    items = np.full(len(truth), np.nan)
    for i in scored:
        items[i] = matching.mean_iou(matching.iou(counts[i], matched, None))
    each = matching.iou(pooled, matched, None)
    classes = np.where(matched == matching.LEFT_OVER, VOID, matched).astype(np.uint8)
    last = np.flatnonzero(~np.isnan(each)).max(initial=0)
    return Result(
        {"mIoU": matching.mean_iou(each)},
        items,
        classes[enlarge(labels, (height, width))],
        classes=each[: last + 1],
        left_out=left_out,
        notes=notes,
    )
