"""Flow of a shot from its frames, and the gap at which things move far enough to be seen."""

from collections.abc import Iterable, Sequence

import numpy as np

from commonfate.base.threads import in_threads
from commonfate.flow.estimators import registry
from commonfate.flow.settings import FlowSource
from commonfate.foreground.motion import CLEAR, length, otsu
from commonfate.foreground.settings import Steps

GAPS = (1, 2, 4, 8)
"""Frames from one to the next that are tried, until something moves far enough to be seen."""
PROBED = 12
"""About how many frames are looked at to choose the gap."""


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
        self._threads = 1 if registry.runs_on_gpu(source) else None

    def __len__(self) -> int:
        return len(self._encoded)

    def between(self, pairs: Sequence[tuple[int, int]]) -> Iterable[np.ndarray]:
        """Flow (2, h, w) float32 from the first frame of each pair to the second."""

        def estimate(pair: tuple[int, int]) -> np.ndarray:
            encoded = (self._encoded[pair[0]], self._encoded[pair[1]])
            return np.asarray(self._estimator.estimate_pairs([encoded])[0], np.float32)

        return in_threads(estimate, pairs, self._threads)

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
        # Half precision errs by less than estimators do, and long shots need half the memory.
        flow = {gap: np.full(shape, np.nan, np.float16) for gap in gaps}
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
        lengths = np.stack([length(field) for field in flows.between(probed)])
        lengths[~np.isfinite(lengths)] = 0
        clear[gap] = float(np.median(otsu(lengths)))
        if clear[gap] >= CLEAR:
            return gap
    return max(clear, key=clear.__getitem__)
