"""Frames whose features are clustered together: a frame, a clip, or a data set."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from commonfate.datasets.mask_values import VOID
from commonfate.models.grouping import clusters, reduction
from commonfate.models.grouping.reduction import Reduction

REDUCTION_POINTS = 65_536
"""Most points on which standardisation and components are fitted."""
BLOCK = 2**20
"""Points that are reduced and assigned at once."""


def enlarge(labels: np.ndarray, size: tuple[int, int], *, corners: bool = False) -> np.ndarray:
    """The nearest entries of a map (..., h, w) at the pixels of another size (H, W).

    Args:
        labels: the map.
        size: H and W.
        corners: take the entry at a pixel's upper left corner, as torch's mode `nearest` does, and
            released code with it; else at its centre, as `nearest-exact`.
    """
    h, w = labels.shape[-2:]
    rows, columns = _places(h, size[0], corners), _places(w, size[1], corners)
    return labels[..., rows[:, None], columns]


def _places(of: int, to: int, corners: bool) -> np.ndarray:
    pixels = np.arange(to)
    places: np.ndarray = pixels * of // to if corners else (2 * pixels + 1) * of // (2 * to)
    return places


def batches(clips: np.ndarray, level: str, size: int | None) -> Iterator[np.ndarray]:
    """Clips (m,) in order of first occurrence, `size` at a time; all at once for a data set."""
    ordered = np.array(list(dict.fromkeys(clips.tolist())), clips.dtype)
    step = len(ordered) if level == "dataset" or size is None else size
    return (ordered[i : i + step] for i in range(0, len(ordered), max(step, 1)))


def units_of(clips: np.ndarray, batch: np.ndarray, level: str) -> list[np.ndarray]:
    """Indices of the frames of each unit among the clips of a batch."""
    if level == "dataset":
        return [np.arange(len(clips))]
    of_clips = [np.flatnonzero(clips == clip) for clip in batch]
    return of_clips if level == "clip" else [np.array([frame]) for c in of_clips for frame in c]


@dataclass(frozen=True)
class Unit:
    """Features and truth of frames that are clustered together."""

    features: np.ndarray
    """(n, h, w, C), of the whole data set."""
    frames: np.ndarray
    """(m,) indices of its frames."""
    truth: np.ndarray
    """(m, H, W) uint8, 255 void; of the size at which clusters are scored."""
    valid: np.ndarray
    """(m, h', w') bool: points that are clustered, those with some pixel that is not void."""
    side: int | None
    """Side to which features are enlarged; None: not."""
    classes: np.ndarray
    """(c,) classes that occur."""

    @staticmethod
    def of(features: np.ndarray, frames: np.ndarray, truth: np.ndarray, side: int | None) -> "Unit":
        """Make it of the features of all frames, and truth (m, H, W) of its own."""
        if side is not None:
            truth = enlarge(truth, (side, side))
            valid = truth != VOID
        else:
            occupied = torch.from_numpy((truth != VOID).astype(np.float32))
            valid = functional.adaptive_max_pool2d(occupied, features.shape[1:3]).numpy() > 0
        present = np.unique(truth)
        return Unit(features, frames, truth, valid, side, present[present != VOID])

    @property
    def points(self) -> int:
        """Number of points that are clustered."""
        return int(self.valid.sum())

    def vectors(self, i: int) -> np.ndarray:
        """Features (h' w', C) float32 of a frame, by its place in the unit."""
        dense = self.features[self.frames[i]]
        if self.side is not None:
            maps = torch.from_numpy(dense.astype(np.float32)).permute(2, 0, 1)[None]
            size = (self.side, self.side)
            enlarged = functional.interpolate(maps, size=size, mode="bilinear")
            dense = enlarged[0].permute(1, 2, 0).numpy()
        return dense.reshape(-1, dense.shape[-1]).astype(np.float32)

    def gather(self, chosen: np.ndarray) -> np.ndarray:
        """Features (s, C) float32 of some of the points, by ascending numbers (s,)."""
        sizes = self.valid.sum((1, 2))
        ends = np.cumsum(sizes)
        parts = [np.zeros((0, self.features.shape[-1]), np.float32)]
        for i in np.unique(np.searchsorted(ends, chosen, side="right")):
            own = chosen[(chosen >= ends[i] - sizes[i]) & (chosen < ends[i])] - ends[i] + sizes[i]
            parts.append(self.vectors(i)[self.valid[i].ravel()][own])
        return np.concatenate(parts)


def reduction_of(units: Sequence[Unit], components: int, seed: int) -> Reduction:
    """Standardise and reduce the features of units, as fitted to a sample of their points."""
    sizes = [unit.points for unit in units]
    chosen = clusters.sample(sum(sizes), REDUCTION_POINTS, seed)
    starts = np.cumsum([0, *sizes])
    parts = [
        unit.gather(chosen[(chosen >= start) & (chosen < end)] - start)
        for unit, start, end in zip(units, starts, starts[1:], strict=False)
    ]
    return reduction.fit(np.concatenate(parts), components)


def centres_of(
    unit: Unit,
    reduced: Reduction,
    k: int,
    seed: int,
    *,
    points_per_cluster: int,
    starts: int,
    iterations: int,
) -> np.ndarray:
    """Centres (K', D) of a unit's reduced features; see `models.grouping.clusters.fit`."""
    chosen = clusters.sample(unit.points, points_per_cluster * k, seed)
    points = _rounded(reduced(unit.gather(chosen)))
    return clusters.fit(
        points,
        k,
        seed,
        points_per_cluster=points_per_cluster,
        starts=starts,
        iterations=iterations,
    )


def labels_of(
    unit: Unit, reduced: Reduction, centres: np.ndarray, *, corners: bool = False
) -> np.ndarray:
    """Clusters (m, H, W) int64 of a unit's frames, at the size of its truth; see `enlarge`."""
    shape = unit.valid.shape[1:]
    step = max(1, BLOCK // int(np.prod(shape)))
    maps = []
    for start in range(0, len(unit.frames), step):
        frames = range(start, min(start + step, len(unit.frames)))
        block = np.concatenate([_rounded(reduced(unit.vectors(i))) for i in frames])
        maps.append(clusters.assign(block, centres).reshape(-1, *shape))
    height, width = unit.truth.shape[1:]
    return enlarge(np.concatenate(maps), (height, width), corners=corners)


def _rounded(standardised: np.ndarray) -> np.ndarray:
    """Vectors that differ by rounding errors alone made equal; their deviations are near 1."""
    return np.round(standardised, 4) + np.float32(0)  # no negative zeros
