"""Evidence of motion: what moves against the dominant motion, gathered along the flow."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from commonfate.flow.dominant import LEAST_MOTION, residual
from commonfate.flow.estimators import registry
from commonfate.flow.settings import FlowSource

GAPS = (1, 2, 4, 8)
"""Frames from one to the next that are tried, until something moves far enough to be seen."""
FIT_ITERATIONS = 10
ROUNDS = 20
"""Rounds of averaging along the flow; each reaches a frame further."""
KEPT = 0.1
"""Share of a frame's own evidence in each round."""
STILL, CLEAR = 0.2, 0.5
"""Otsu's threshold of the residual, in pixels at the working size: below the first a frame counts
for nothing, since flow errs by as much; above the second it counts fully."""
PROBED = 12
"""About how many frames are looked at to choose the gap."""

Steps = Callable[[Iterable[Any], str, int], Iterable[Any]]
"""Wrapper of a loop that shows its progress: items, description, number of items."""
Flow = Mapping[int, np.ndarray]
"""Flow by gap, (T, 2, h, w) float32, pixels; NaN in frames whose partner does not exist."""


@dataclass(frozen=True)
class Evidence:
    """Evidence of motion of a shot.

    Attributes:
        map: (T, h, w) float32 from 0 to 1; 0.5 at each frame's own Otsu threshold.
        weight: (T,) float32 from 0 to 1, trust in each frame's own motion.
        gap: frames between the two of a pair.
    """

    map: np.ndarray
    weight: np.ndarray
    gap: int

    @property
    def moves(self) -> bool:
        """True if something moves in some frame."""
        return bool((self.weight > 0).any())


class Flows:
    """Flow of a shot, estimated where it is asked for.

    Args:
        frames: (T, h, w, 3) uint8, RGB.
        source: estimator.
        device: torch device for networks.
    """

    def __init__(self, frames: np.ndarray, source: FlowSource, device: str = "cpu") -> None:
        self._estimator = registry.create(source, device)
        self._encoded = self._estimator.encode(list(frames))
        self._size = frames.shape[1:3]
        # Networks use all cores by themselves.
        self._threads = 1 if registry.runs_on_gpu(source) else max(1, cv2.getNumThreads())

    def __len__(self) -> int:
        return len(self._encoded)

    def between(self, pairs: Sequence[tuple[int, int]]) -> Iterable[np.ndarray]:
        """Flow (2, h, w) float32 from the first frame of each pair to the second."""

        def estimate(pair: tuple[int, int]) -> np.ndarray:
            encoded = (self._encoded[pair[0]], self._encoded[pair[1]])
            return np.asarray(self._estimator.estimate_pairs([encoded])[0], np.float32)

        with ThreadPoolExecutor(self._threads) as pool:
            yield from pool.map(estimate, pairs)

    def pairs(self, gap: int) -> list[tuple[int, int]]:
        """Pairs of frames so far apart, by the first."""
        return [(t, t + gap) for t in range(len(self)) if 0 <= t + gap < len(self)]

    def of_gaps(self, gaps: Sequence[int], steps: Steps) -> dict[int, np.ndarray]:
        """Flow of all frames by gap, see `Flow`.

        Args:
            gaps: other than 0.
            steps: shows the progress.
        """
        shape = (len(self), 2, *self._size)
        flow = {gap: np.full(shape, np.nan, np.float32) for gap in gaps}
        pairs = [pair for gap in gaps for pair in self.pairs(gap)]
        fields = steps(self.between(pairs), "flow", len(pairs))
        for (t, other), field in zip(pairs, fields, strict=True):
            flow[other - t][t] = field
        return flow


def suitable_gap(flows: Flows) -> int:
    """The smallest of `GAPS` at which most frames have clear motion; else the one with the most.

    Films of many frames a second, and slow things, move by less than flow errs from one frame to
    the next.
    """
    clear: dict[int, float] = {}
    for gap in GAPS:
        pairs = flows.pairs(gap)
        probed = pairs[:: max(1, len(pairs) // PROBED)]
        if not probed:
            break
        lengths = np.stack([_length(field) for field in flows.between(probed)])
        lengths[~np.isfinite(lengths)] = 0
        clear[gap] = float(np.median(otsu(lengths)))
        if clear[gap] >= CLEAR:
            return gap
    return max(clear, key=clear.__getitem__)


def gather(flow: Flow, gap: int) -> Evidence:
    """Evidence of motion from flow of the gaps 1, -1, `gap` and `-gap`.

    A frame's residual is the length of its flow after the dominant quadratic motion is removed, the
    smaller of the two directions: what is uncovered in one is seen in the other. In units of its
    interquartile range over the frame it is averaged along the flow with the frames before and
    after, so that what stops for a moment is not lost.

    Args:
        flow: see `Flow`.
        gap: of the residual, at least 1.
    """
    shape = flow[gap].shape
    lengths = np.full((shape[0], *shape[2:]), np.inf, np.float32)
    for direction in (gap, -gap):
        for t, field in enumerate(flow[direction]):
            if np.isfinite(field[0, 0, 0]):
                np.minimum(lengths[t], _length(field), out=lengths[t])
    # No partner: frames in the middle of a shot shorter than twice the gap, and what leaves the
    # picture in both directions.
    lengths[~np.isfinite(lengths)] = 0
    weight = np.clip((otsu(lengths) - STILL) / (CLEAR - STILL), 0, 1)
    low, high = np.quantile(lengths.reshape(len(lengths), -1), [0.25, 0.75], axis=1)
    relative = lengths / np.maximum(high - low, LEAST_MOTION)[:, None, None].astype(np.float32)
    steady = along_flow(relative, weight, flow)
    limit = np.maximum(otsu(steady), LEAST_MOTION)[:, None, None]
    evidence = steady**2 / (steady**2 + limit**2)
    return Evidence(evidence.astype(np.float32), weight.astype(np.float32), gap)


def along_flow(maps: np.ndarray, weight: np.ndarray, flow: Flow) -> np.ndarray:
    """Average maps along the flow, `ROUNDS` times with the frames before and after.

    Args:
        maps: (T, h, w) float32.
        weight: (T,) of each frame's own map; frames of weight 0 have what flows into them.
        flow: of gaps 1 and -1.

    Returns:
        (T, h, w) float32.
    """
    share = np.broadcast_to(weight[:, None, None], maps.shape).astype(np.float32)
    values, total = _averaged(maps * share, flow), _averaged(share, flow)
    return values / np.maximum(total, np.finfo(np.float32).tiny)


def _averaged(maps: np.ndarray, flow: Flow) -> np.ndarray:
    current = maps
    for _ in range(ROUNDS):
        following = np.empty_like(maps)
        for t in range(len(maps)):
            gathered = [current[t]]
            gathered += [
                sampled(current[t + step], flow[step][t])
                for step in (1, -1)
                if 0 <= t + step < len(maps)
            ]
            following[t] = KEPT * maps[t] + (1 - KEPT) * np.mean(gathered, axis=0)
        current = following
    return current


def sampled(values: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Another frame's map at x + flow(x), bilinear; beyond the border, the border's value.

    Args:
        values: (h, w) float32, of the other frame.
        flow: (2, h, w) float32, to it, pixels.
    """
    rows, columns = np.indices(values.shape, np.float32)
    return cv2.remap(
        values, columns + flow[0], rows + flow[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


def otsu(maps: np.ndarray) -> np.ndarray:
    """Otsu's threshold of each map, over 256 bins; of a constant map, its value.

    Otsu, "A Threshold Selection Method from Gray-Level Histograms", 1979.

    Args:
        maps: (T, h, w) float, finite.

    Returns:
        (T,) float32.
    """
    from skimage.filters import threshold_otsu

    return np.array([threshold_otsu(values, 256) for values in maps], np.float32)


def _length(flow: np.ndarray) -> np.ndarray:
    """(h, w) float32: residual of a field (2, h, w), pixels; infinite where it leaves the frame."""
    length = np.linalg.norm(residual(flow, FIT_ITERATIONS, degree=2), axis=0).astype(np.float32)
    ends = np.indices(length.shape) + flow[::-1]
    last = np.array(length.shape).reshape(2, 1, 1) - 1
    length[((ends < 0) | (ends > last)).any(0)] = np.inf
    return length
