"""In-context scene understanding: classes of patches from the most similar patches of a memory.

Balazevic et al., "Towards In-Context Scene Understanding", NeurIPS 2023 (Hummingbird); TimeT's
Table 8, for which no code is released. The memory holds patches of the training images with the
shares of the classes in them; a patch of a test image takes the mean of its k nearest ones,
weighted by the softmax of cosine / temperature.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from commonfate.base.progress import track
from commonfate.base.text import counted
from commonfate.datasets.mask_values import VOID
from commonfate.evaluation.features.dense import Counts, enlarged, pair
from commonfate.evaluation.features.neighbours import nearest, unit
from commonfate.evaluation.features.result import Result
from commonfate.evaluation.features.settings import RetrievalSettings


@dataclass(frozen=True)
class Memory:
    """Patches of training images.

    Attributes:
        vectors: (m, C) float16, unit features: those of stores have no more bits.
        shares: (m, K) float32, shares of the classes, which sum to 1.
        images: number of training images that have a patch in it.
    """

    vectors: Tensor
    shares: Tensor
    images: int


def shares(truth: Tensor, grid: tuple[int, int], classes: int) -> Tensor:
    """Shares of the classes among the pixels of each patch that are not void.

    Args:
        truth: (b, H, W) int64, 255 void; a side that is no multiple of the grid's is divided so
            that pixels at the borders count in both patches.
        grid: h and w.
        classes: their number K.

    Returns:
        (b, h, w, K) float32, summing to 1, or to 0 where a patch is all void.

    Raises:
        ValueError: the truth holds a class that is not in [0, K).
    """
    beyond = truth[(truth >= classes) & (truth != VOID)]
    if len(beyond):
        raise ValueError(f"class {int(beyond.max())} is not one of 0 to {classes - 1}")
    planes = [functional.adaptive_avg_pool2d((truth == c).float(), grid) for c in range(classes)]
    counted = torch.stack(planes, -1)
    total = counted.sum(-1, keepdim=True)
    return counted / torch.where(total > 0, total, 1)


def remember(
    features: np.ndarray, truth: np.ndarray, settings: RetrievalSettings, at_once: int = 64
) -> Memory:
    """Sample the memory from training images.

    Every image gives memory / n of its patches that are not all void, or all of them if it has
    fewer; where n is larger than the memory, as many images as it has places give one patch each.

    Args:
        features: (n, h, w, C) float.
        truth: (n, H, W) uint8, 255 void.
        settings: size, classes and seed.
        at_once: images that are read at once.

    Raises:
        ValueError: shapes do not go together, a feature is not finite, a class is too many, or
            every pixel is void.
    """
    if len(features) != len(truth):
        raise ValueError(f"features of {len(features)} images, truth of {len(truth)}")
    generator = np.random.default_rng(settings.seed)
    order = np.arange(len(features))
    if len(order) > settings.memory:
        order = np.sort(generator.choice(order, settings.memory, replace=False))
    each = settings.memory // max(len(order), 1)
    room = min(settings.memory, each * len(order), len(order) * int(np.prod(features.shape[1:3])))
    vectors = torch.empty(room, features.shape[-1], dtype=torch.float16)
    owners = torch.empty(room, settings.classes)
    filled = images = 0
    starts = range(0, len(order), at_once)
    for start in track(starts, "filling the memory", len(starts)):
        chosen = order[start : start + at_once]
        maps, labels = pair(features[chosen], truth[chosen], "training features")
        grid = maps.shape[2], maps.shape[3]
        classes = shares(labels, grid, settings.classes)
        for image, owned in zip(maps.permute(0, 2, 3, 1).flatten(1, 2), classes, strict=True):
            owned = owned.flatten(0, 1)
            valid = owned.any(1).nonzero()[:, 0].numpy()
            if len(valid) > each:
                valid = np.sort(generator.choice(valid, each, replace=False))
            end = filled + len(valid)
            vectors[filled:end], owners[filled:end] = unit(image[valid]), owned[valid]
            filled, images = end, images + bool(len(valid))
    if not filled:
        raise ValueError("training images: there is none with a pixel that is not void")
    return Memory(vectors[:filled], owners[:filled], images)


def look_up(features: Tensor, memory: Memory, settings: RetrievalSettings) -> Tensor:
    """Shares of the classes in patches, from their neighbours in the memory.

    Args:
        features: (n, C) float32, of any length.
        memory: on the same device.
        settings: neighbours and temperature; all of a smaller memory are neighbours.

    Returns:
        (n, K) float32, summing to 1.
    """
    similar, index = nearest(unit(features), memory.vectors, min(settings.k, len(memory.vectors)))
    weights = (similar / settings.temperature).softmax(1)
    return torch.einsum("nk,nkc->nc", weights, memory.shares[index])


def score(
    memory: Memory,
    batches: Iterable[tuple[np.ndarray, np.ndarray]],
    settings: RetrievalSettings,
    total: int,
) -> Result:
    """Score the classes of test images.

    Shares of the classes are enlarged bilinearly to the size of the truth, and the largest chosen.

    Args:
        memory: see `remember`.
        batches: features (b, h, w, C) and truth (b, H, W); sizes may differ between batches.
        settings: neighbours, temperature and classes.
        total: number of batches, for the progress.

    Returns:
        See `Counts.result`; a note gives the size of the memory.

    Raises:
        ValueError: see `dense.pair`, or a class is too many.
    """
    counts = Counts(settings.classes)
    for features, truth in track(batches, "retrieval", total):
        maps, labels = pair(features, truth, "test features")
        grid = maps.permute(0, 2, 3, 1)
        looked_up = look_up(grid.flatten(0, 2).to(memory.vectors.device), memory, settings)
        classes = looked_up.unflatten(0, grid.shape[:3]).permute(0, 3, 1, 2)
        counts.add(enlarged(classes, labels.shape[-2:]).argmax(1), labels)
    size = len(memory.vectors)
    patches = counted(size, "patch", "patches")
    notes = [f"memory: {patches} of {counted(memory.images, 'image')}"]
    if settings.k > size:
        notes.append(f"k {settings.k}: the neighbours are the whole memory")
    return counts.result(notes=tuple(notes))
