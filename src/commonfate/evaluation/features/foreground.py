"""Cluster-based foreground extraction: clusters that attention prefers are the foreground.

Leopart (Ziegler and Asano 2022), TimeT's Table 6. Leak-free, centres and precisions come from
training images without their truth, and a fixed share of the clusters is background. As released,
validation images are clustered anew, the least precision of a foreground cluster is tuned on the
training images' truth, and void counts as foreground.
"""

from dataclasses import dataclass

import numpy as np

from commonfate.datasets.mask_values import VOID
from commonfate.evaluation.features.foreground_clusters import tuned_threshold
from commonfate.evaluation.features.result import Result
from commonfate.evaluation.features.settings import ForegroundSettings
from commonfate.evaluation.features.units import (
    Unit,
    centres_of,
    enlarge,
    labels_of,
    reduction_of,
)
from commonfate.evaluation.masks.jaccard import count, jaccard
from commonfate.models.grouping.foreground import attention_mask, fixed_threshold, precisions
from commonfate.models.grouping.reduction import Reduction
from commonfate.models.settings import ExtractionSettings

ALL_VOID = "its truth is void everywhere"


@dataclass(frozen=True)
class Extractor:
    """Clusters of training images, and which of them are foreground."""

    reduction: Reduction
    centres: np.ndarray
    """(K', D) float32."""
    threshold: float
    """Least precision of a foreground cluster."""
    precisions: np.ndarray
    """(K',) float64 on the training images; NaN of clusters without a pixel."""


def fit(
    features: np.ndarray,
    attention: np.ndarray,
    settings: ForegroundSettings,
    truth: np.ndarray | None = None,
) -> Extractor:
    """Cluster training images and choose the foreground clusters.

    Args:
        features: (n, h, w, C) float, finite.
        attention: (n, heads, h, w) float.
        settings: the protocol.
        truth: (n, H, W) uint8; read only if the cut is tuned.

    Raises:
        ValueError: a feature is not finite, there is no image, or truth to tune on is missing.
    """
    if settings.tuned and truth is None:
        raise ValueError("tuned: the truth of the training images is missing")
    size = features.shape[1:3] if truth is None or not settings.tuned else truth.shape[1:]
    reduction, centres, labels = _cluster(features, settings, _size(size, settings))
    attended = _attended(attention, settings, labels.shape)
    each = precisions(labels, attended, len(centres))
    if settings.tuned and truth is not None:
        resized = enlarge(truth, _size(size, settings), corners=settings.corners)
        threshold = tuned_threshold(labels, each, resized)
    else:
        threshold = fixed_threshold(each, settings.background)
    return Extractor(reduction, centres, threshold, each)


def score(
    extractor: Extractor,
    features: np.ndarray,
    attention: np.ndarray,
    truth: np.ndarray,
    settings: ForegroundSettings,
) -> Result:
    """Foreground of images, and its Jaccard index.

    Args:
        extractor: see `fit`.
        features, attention: as for `fit`.
        truth: (n, H, W) uint8, 0 background, 255 void.
        settings: the protocol.

    Returns:
        `J`, the mean over images; 1 where truth and prediction are empty. Predictions are 0 and 1.
    """
    size, centres = _size(truth.shape[1:], settings), extractor.centres
    if settings.tuned:
        _, centres, labels = _cluster(features, settings, size)
        attended = _attended(attention, settings, labels.shape)
        each = precisions(labels, attended, len(centres))
    else:
        everywhere = np.zeros((len(features), *size), np.uint8)
        unit = Unit.of(features, np.arange(len(features)), everywhere, None)
        labels = labels_of(unit, extractor.reduction, centres, corners=settings.corners)
        each = extractor.precisions
    predicted = (each >= extractor.threshold)[labels]
    scored = enlarge(truth, size, corners=settings.corners)
    void = np.zeros_like(predicted) if settings.void_is_foreground else scored == VOID
    items = jaccard(*count(predicted, scored > 0, void))
    items = np.where(void.all((1, 2)), np.nan, items)
    mean = float(np.nanmean(items)) if np.isfinite(items).any() else float("nan")
    left_out = dict.fromkeys(np.flatnonzero(np.isnan(items)).tolist(), ALL_VOID)
    few = len(centres) < settings.clusters
    note = f"fewer different features than clusters: {len(centres)}"
    maps = enlarge(predicted.astype(np.uint8), (truth.shape[1], truth.shape[2]))
    return Result({"J": mean}, items, maps, left_out=left_out, notes=(note,) if few else ())


def patches(
    features: np.ndarray, attention: np.ndarray, settings: ExtractionSettings
) -> np.ndarray:
    """The foreground of images, with clusters of these images themselves and without truth.

    Args:
        features, attention: as for `fit`.
        settings: of the extraction.

    Returns:
        (n, h, w) bool.

    Raises:
        ValueError: a feature is not finite, or there is no image.
    """
    protocol = ForegroundSettings.model_validate(settings.model_dump())
    extractor = fit(features, attention, protocol)
    everywhere = np.zeros(features.shape[:3], np.uint8)
    unit = Unit.of(features, np.arange(len(features)), everywhere, None)
    labels = labels_of(unit, extractor.reduction, extractor.centres)
    return (extractor.precisions >= extractor.threshold)[labels]


def _attended(
    attention: np.ndarray, settings: ForegroundSettings, shape: tuple[int, ...]
) -> np.ndarray:
    masks = attention_mask(attention, settings.mass)
    return enlarge(masks, (shape[1], shape[2]), corners=settings.corners)


def _size(size: tuple[int, ...], settings: ForegroundSettings) -> tuple[int, int]:
    return (settings.side, settings.side) if settings.side else (size[0], size[1])


def _cluster(
    features: np.ndarray, settings: ForegroundSettings, size: tuple[int, int]
) -> tuple[Reduction, np.ndarray, np.ndarray]:
    everywhere = np.zeros((len(features), *size), np.uint8)
    unit = Unit.of(features, np.arange(len(features)), everywhere, None)
    reduction = reduction_of([unit], settings.components, settings.seed)
    centres = centres_of(
        unit,
        reduction,
        settings.clusters,
        settings.seed,
        points_per_cluster=settings.points_per_cluster,
        starts=settings.starts,
        iterations=settings.iterations,
    )
    return reduction, centres, labels_of(unit, reduction, centres, corners=settings.corners)
