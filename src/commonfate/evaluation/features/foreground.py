"""Cluster-based foreground extraction: clusters that attention prefers are the foreground.

Leopart (Ziegler and Asano 2022), TimeT's Table 6. Leak-free, centres and precisions come from
training images without their truth, and a fixed share of the clusters is background. As released,
validation images are clustered anew, the least precision of a foreground cluster is tuned on the
training images' truth, and void counts as foreground.
"""

from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage

from commonfate.datasets.mask_values import VOID
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
from commonfate.models.grouping.reduction import Reduction

RADIUS, SIGMA = 3, 0.6
"""Radius and deviation of the blur of an attention map, patches; mirrored beyond its edges."""
LEAST_PATCHES = 3
"""Smaller components of an attention mask are removed."""
CUTS = (0.55, 0.75)
"""Shares of the clusters that tuning tries as background."""
STEP = 0.05
"""A tuned threshold is a multiple of this."""
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


def attention_mask(attention: np.ndarray, mass: float) -> np.ndarray:
    """Patches that hold most of the attention, without specks.

    Heads are averaged, the map is blurred, and the patches of the most attention are kept, until
    they hold the wanted share; components of one or two patches (8-connected) are removed.

    Args:
        attention: (n, heads, h, w) float, rows of the class token.
        mass: share that is kept.

    Returns:
        (n, h, w) bool.
    """
    maps = attention.astype(np.float32).mean(1)
    smooth = ndimage.gaussian_filter(maps, SIGMA, mode="mirror", radius=RADIUS, axes=(1, 2))
    blurred = torch.from_numpy(smooth).flatten(1)
    ordered, places = blurred.sort(stable=True, dim=1)
    below = (ordered / ordered.sum(1, keepdim=True)).cumsum(1)
    kept = torch.zeros_like(below, dtype=torch.bool).scatter(1, places, below > 1 - mass)
    masks = kept.reshape(maps.shape).numpy()
    for mask in masks:
        parts, _ = ndimage.label(mask, np.ones((3, 3)))
        mask &= np.bincount(parts.ravel())[parts] >= LEAST_PATCHES
    return masks


def precisions(labels: np.ndarray, attended: np.ndarray, k: int) -> np.ndarray:
    """Share of each cluster that attention covers, averaged over the images in which it occurs.

    Args:
        labels: (n, H, W) integers in [0, K).
        attended: (n, H, W) bool.
        k: K.

    Returns:
        (K,) float64; NaN of clusters that do not occur.
    """
    sizes, covered = (
        np.stack(
            [
                np.bincount(image[part], minlength=k)
                for image, part in zip(labels, parts, strict=True)
            ]
        )
        for parts in (np.ones_like(attended, bool), attended.astype(bool))
    )
    occurs = sizes > 0
    shares = np.where(occurs, covered / np.maximum(sizes, 1), 0)
    images = occurs.sum(0)
    return np.where(images > 0, shares.sum(0) / np.maximum(images, 1), np.nan)


def fixed_threshold(each: np.ndarray, background: float) -> float:
    """Least precision of the foreground, if a share of the clusters that occur is background."""
    ordered = np.sort(each[~np.isnan(each)])
    place = int(round(background * len(ordered), 6))
    return float(ordered[place]) if place < len(ordered) else float("inf")


def candidates(labels: np.ndarray, each: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Cuts that tuning tries, (m, 3) float64: precision at the cut, its index, Jaccard index.

    Args:
        labels: (n, H, W) clusters.
        each: (K,) precisions.
        truth: (n, H, W) uint8; all but 0 is foreground.
    """
    order = np.argsort(each, kind="stable")[: np.count_nonzero(~np.isnan(each))]
    first, end = (int(round(share * len(order), 6)) for share in CUTS)
    rows = []
    for start in range(first, max(end, first + 1)):
        if start >= len(order):
            break
        chosen = np.zeros(len(each), bool)
        chosen[order[start:]] = True
        score = jaccard(*count(chosen[labels], truth > 0)).mean()
        rows.append((each[order[start]], start, score))
    return np.array(rows, np.float64).reshape(-1, 3)


def tuned_threshold(labels: np.ndarray, each: np.ndarray, truth: np.ndarray) -> float:
    """The best cut's precision, rounded to a multiple of 0.05; see `candidates`."""
    tried = candidates(labels, each, truth)
    return round(tried[tried[:, 2].argmax(), 0] / STEP) * STEP


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
        threshold = tuned_threshold(labels, each, enlarge(truth, _size(size, settings)))
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
    size = _size(truth.shape[1:], settings)
    if settings.tuned:
        _, centres, labels = _cluster(features, settings, size)
        attended = _attended(attention, settings, labels.shape)
        each = precisions(labels, attended, len(centres))
    else:
        everywhere = np.zeros((len(features), *size), np.uint8)
        unit = Unit.of(features, np.arange(len(features)), everywhere, None)
        labels = labels_of(unit, extractor.reduction, extractor.centres, corners=settings.corners)
        each = extractor.precisions
    predicted = (each >= extractor.threshold)[labels]
    scored = enlarge(truth, size)
    void = np.zeros_like(predicted) if settings.void_is_foreground else scored == VOID
    items = jaccard(*count(predicted, scored > 0, void))
    items = np.where(void.all((1, 2)), np.nan, items)
    mean = float(np.nanmean(items)) if np.isfinite(items).any() else float("nan")
    left_out = dict.fromkeys(np.flatnonzero(np.isnan(items)).tolist(), ALL_VOID)
    few = len(extractor.centres) < settings.clusters
    note = f"fewer different features than clusters: {len(extractor.centres)}"
    maps = enlarge(predicted.astype(np.uint8), (truth.shape[1], truth.shape[2]))
    return Result({"J": mean}, items, maps, left_out=left_out, notes=(note,) if few else ())


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
