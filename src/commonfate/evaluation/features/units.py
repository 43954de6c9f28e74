"""Frames whose features are clustered together: a frame, a clip, or a data set."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from scipy import sparse
from torch.nn import functional

from commonfate.datasets.mask_values import VOID
from commonfate.models.grouping import clusters, reduction
from commonfate.models.grouping.reduction import Reduction
from commonfate.models.grouping.threads import single_threaded

REDUCTION_POINTS = 65_536
"""Most points on which standardisation and components are fitted."""
BLOCK = 2**20
"""Points that are reduced and assigned at once."""
Map = Callable[[np.ndarray], np.ndarray]
"""Affine map of feature vectors (N, C) to others (N, D)."""


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


@cache
def bilinear(grid: tuple[int, int], side: int) -> sparse.csr_array:
    """Weights of tokens (h, w) in their bilinear enlargement to a square, as by torch.

    Returns:
        (side * side, h * w) float32, row by row; a row sums to 1.
    """
    rows, columns = (
        functional.interpolate(torch.eye(n)[None], size=side, mode="linear")[0].T.numpy()
        for n in grid
    )
    return sparse.csr_array(sparse.kron(rows, columns, format="csr"))


def batches(clips: np.ndarray, level: str, size: int) -> Iterator[np.ndarray]:
    """Clips (m,) in order of first occurrence, `size` at a time; all at once for a data set."""
    ordered = np.array(list(dict.fromkeys(clips.tolist())), clips.dtype)
    step = len(ordered) if level == "dataset" else size
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
    inside: np.ndarray | None = None
    """(m, H, W) bool: the part whose points are clustered; None: all."""

    @staticmethod
    def of(
        features: np.ndarray,
        frames: np.ndarray,
        truth: np.ndarray,
        side: int | None,
        inside: np.ndarray | None = None,
    ) -> "Unit":
        """Make it of the features of all frames, truth (m, H, W) of its own, and a part of them.

        Args:
            features: (n, h, w, C), of the whole data set.
            frames: (m,) indices of its frames.
            truth: (m, H, W) uint8.
            side: see the attribute.
            inside: (m, h, w) bool, patches that are clustered; None: all.
        """
        if side is not None:
            truth = enlarge(truth, (side, side))
            valid = truth != VOID
        else:
            occupied = torch.from_numpy((truth != VOID).astype(np.float32))
            valid = functional.adaptive_max_pool2d(occupied, features.shape[1:3]).numpy() > 0
        present = np.unique(truth)
        classes = present[present != VOID]
        if inside is not None:
            valid &= enlarge(inside, (valid.shape[1], valid.shape[2]))
            inside = enlarge(inside, (truth.shape[1], truth.shape[2]))
        return Unit(features, frames, truth, valid, side, classes, inside)

    @property
    def points(self) -> int:
        """Number of points that are clustered."""
        return int(self.valid.sum())

    def tokens(self, i: int) -> np.ndarray:
        """Features (h w, C) float32 of a frame as they are, by its place in the unit."""
        dense = self.features[self.frames[i]]
        return dense.reshape(-1, dense.shape[-1]).astype(np.float32)

    def enlarged(self, vectors: np.ndarray) -> np.ndarray:
        """Vectors (h w, D) of a frame's tokens, or what an affine map makes of them: (h' w', D)."""
        return vectors if self.side is None else self._weights() @ vectors

    def points_of(self, chosen: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        """Some of the points, frame by frame.

        Args:
            chosen: (s,) their numbers, ascending.

        Yields:
            Place of the frame, and the points' places in its (h' w').
        """
        sizes = self.valid.sum((1, 2))
        ends = np.cumsum(sizes)
        for i in np.unique(np.searchsorted(ends, chosen, side="right")).tolist():
            own = chosen[(chosen >= ends[i] - sizes[i]) & (chosen < ends[i])] - ends[i] + sizes[i]
            yield i, np.flatnonzero(self.valid[i])[own]

    def gather(self, chosen: np.ndarray, of: Map) -> np.ndarray:
        """Vectors (s, D) float32 of some of the points, see `points_of`, after an affine map."""
        parts = [of(np.zeros((0, self.features.shape[-1]), np.float32))]
        for i, places in self.points_of(chosen):
            mapped = of(self.tokens(i))
            parts.append(mapped[places] if self.side is None else self._weights()[places] @ mapped)
        return np.concatenate(parts)

    def roots(self, chosen: np.ndarray, mean: np.ndarray) -> Iterator[np.ndarray]:
        """Rows (m, C) float64 with the scatter of some of the points, frame by frame.

        The sum of products of their channels is that of the points less `mean`. Points between
        tokens are many, but no frame needs more rows than it has tokens.
        """
        for i, places in self.points_of(chosen):
            centred = self.tokens(i) - mean
            if self.side is None:
                yield centred[places]
                continue
            weights = self._weights()[places].astype(np.float64)
            if len(places) > len(centred):
                variances, axes = np.linalg.eigh((weights.T @ weights).toarray())
                weights = np.sqrt(np.maximum(variances, 0))[:, None] * axes.T
            yield weights @ centred

    def total(self, chosen: np.ndarray) -> np.ndarray:
        """Sum (C,) float64 of some of the points."""
        result = np.zeros(self.features.shape[-1])
        for i, places in self.points_of(chosen):
            tokens = self.tokens(i).astype(np.float64)
            shares = np.zeros(len(tokens))
            if self.side is None:
                shares[places] = 1
            else:
                shares = self._weights()[places].sum(0, dtype=np.float64)
            result += shares @ tokens
        return result

    def _weights(self) -> sparse.csr_array:
        assert self.side is not None
        height, width = self.features.shape[1:3]
        return bilinear((int(height), int(width)), self.side)


def reduction_of(units: Sequence[Unit], components: int, seed: int) -> Reduction:
    """Standardise and reduce the features of units, as fitted to a sample of their points.

    Raises:
        ValueError: a feature is not finite.
    """
    sizes = [unit.points for unit in units]
    chosen = clusters.sample(sum(sizes), REDUCTION_POINTS, seed)
    starts = np.cumsum([0, *sizes])
    own = [
        (unit, chosen[(chosen >= start) & (chosen < end)] - start)
        for unit, start, end in zip(units, starts, starts[1:], strict=False)
    ]
    with single_threaded():
        mean = np.sum([unit.total(points) for unit, points in own], 0) / len(chosen)
        if not np.isfinite(mean).all():
            raise ValueError("vectors to reduce hold NaN or infinite values")
        root = np.concatenate([rows for unit, points in own for rows in unit.roots(points, mean)])
    return reduction.of_root(root / np.sqrt(len(chosen)), mean, components)


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
    points = _rounded(unit.gather(chosen, reduced))
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
        parts = [_rounded(unit.enlarged(reduced(unit.tokens(i)))) for i in frames]
        maps.append(clusters.assign(np.concatenate(parts), centres).reshape(-1, *shape))
    height, width = unit.truth.shape[1:]
    return enlarge(np.concatenate(maps), (height, width), corners=corners)


def _rounded(standardised: np.ndarray) -> np.ndarray:
    """Vectors that differ by rounding errors alone made equal; their deviations are near 1."""
    return np.round(standardised, 4) + np.float32(0)  # no negative zeros
