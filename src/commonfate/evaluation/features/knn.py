"""Weighted k-nearest-neighbour classification of images, as DINO scores it.

Caron et al., "Emerging Properties in Self-Supervised Vision Transformers", ICCV 2021, after Wu et
al. 2018: neighbours by cosine vote for their class with weight exp(cos / temperature). FlowDINO's
Tables VI and VII. The released code needs 100 test images at least, and fills its top five, where
fewer than five classes have votes, with arbitrary others; here a class without votes is no guess.
"""

import numpy as np
import torch
from torch import Tensor

from commonfate.base.progress import track
from commonfate.evaluation.features.neighbours import finite, nearest, unit
from commonfate.evaluation.features.result import Result
from commonfate.evaluation.features.settings import KnnSettings

GUESSES = 5
IMAGES_AT_ONCE = 1024


def votes(similar: Tensor, labels: Tensor, classes: int, temperature: float) -> Tensor:
    """Votes for each class.

    Args:
        similar: (n, k) float, cosines of the neighbours.
        labels: (n, k) int64 in [0, classes), their classes.
        classes: their number.
        temperature: of the votes.

    Returns:
        (n, classes) float64; 0 of a class that no neighbour is of.
    """
    weights = (similar.double() / temperature).exp()
    totals = torch.zeros(len(similar), classes, dtype=torch.float64, device=similar.device)
    return totals.scatter_add_(1, labels, weights)


def score(
    train: np.ndarray,
    train_labels: np.ndarray,
    test: np.ndarray,
    test_labels: np.ndarray,
    classes: int,
    settings: KnnSettings | None = None,
) -> Result:
    """Classify test images by their neighbours among training images.

    Args:
        train: (m, C) float, features of any length.
        train_labels: (m,) integers in [0, classes).
        test: (n, C) float.
        test_labels: (n,) integers in [0, classes).
        classes: their number.
        settings: None: as published.

    Returns:
        `top1.kK` and `top5.kK` for each K; NaN without test images. Where there are fewer training
        images than K all of them vote, and a note says so. Items are 1 where the first K's best
        guess is right, else 0; predictions are the guesses, (n,) int64; classes are the shares of
        their test images that the first K gets right.

    Raises:
        ValueError: there is no training image, a feature is not finite, or a label is none of the
            classes.
    """
    settings = settings or KnnSettings()
    if not len(train):
        raise ValueError("training features: there are none")
    bank, queries = unit(finite(train, "training features")), finite(test, "test features")
    owners, truth = _labels(train_labels, classes, bank), _labels(test_labels, classes, queries)
    queries, largest = unit(queries), min(max(settings.k), len(bank))
    guesses: dict[int, list[Tensor]] = {k: [] for k in settings.k}
    starts = range(0, len(queries), IMAGES_AT_ONCE)
    for start in track(starts, "nearest neighbours", len(starts)):
        similar, index = nearest(queries[start : start + IMAGES_AT_ONCE], bank, largest)
        for k, parts in guesses.items():
            each = votes(similar[:, :k], owners[index[:, :k]], classes, settings.temperature)
            parts.append(best_classes(each))
    ranked = {
        k: torch.cat(parts) if parts else torch.empty(0, min(GUESSES, classes), dtype=torch.int64)
        for k, parts in guesses.items()
    }
    metrics: dict[str, float] = {}
    for k, each in ranked.items():
        metrics[f"top1.k{k}"] = _share(each[:, :1] == truth[:, None])
        metrics[f"top5.k{k}"] = _share(each == truth[:, None])
    chosen = ranked[settings.k[0]][:, 0]
    right = (chosen == truth).double()
    return Result(
        metrics,
        right.numpy(),
        chosen.numpy(),
        classes=_by_class(right, truth, classes),
        notes=tuple(
            f"k {k}: the neighbours are all training images, {len(bank)}"
            for k in settings.k
            if k > len(bank)
        ),
    )


def best_classes(each: Tensor) -> Tensor:
    """The classes with most votes, best first, the lower of equals first: (n, <= 5) int64.

    Classes without votes are -1.
    """
    top, order = each.sort(dim=1, descending=True, stable=True)
    return torch.where(top > 0, order, -1)[:, :GUESSES]


def _labels(labels: np.ndarray, classes: int, features: Tensor) -> Tensor:
    result = torch.from_numpy(np.asarray(labels, np.int64))
    if len(result) != len(features):
        raise ValueError(f"{len(result)} labels of {len(features)} features")
    if len(result) and not 0 <= int(result.min()) <= int(result.max()) < classes:
        raise ValueError(
            f"labels {int(result.min())} to {int(result.max())} are not all in 0 to {classes - 1}"
        )
    return result


def _share(right: Tensor) -> float:
    return float(right.any(1).double().mean())


def _by_class(right: Tensor, truth: Tensor, classes: int) -> np.ndarray:
    number = np.bincount(truth.numpy(), minlength=classes)
    correct = np.bincount(truth.numpy(), weights=right.numpy(), minlength=classes)
    return np.where(number > 0, correct / np.maximum(number, 1), np.nan)
