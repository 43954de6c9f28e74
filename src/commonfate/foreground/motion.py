"""Evidence of motion: what moves against the dominant motion, gathered along the flow."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from commonfate.base.threads import in_threads
from commonfate.flow.dominant import LEAST_MOTION, residual
from commonfate.flow.epipolar import sampson_error
from commonfate.foreground.settings import Camera, Steps, silent

FIT_ITERATIONS = 10
ROUNDS = 20
"""Rounds of averaging along the flow; each reaches a frame further."""
KEPT = 0.1
"""Share of a frame's own evidence in each round."""
STILL, CLEAR = 0.2, 0.5
"""Otsu's threshold of the residual, in pixels at the working size: below the first a frame counts
for nothing, since flow errs by as much; above the second it counts fully."""

Flow = Mapping[int, np.ndarray]
"""Flow by gap, (T, 2, h, w) float16 or float32, pixels; NaN where it is unknown, and in frames
whose partner does not exist."""


@dataclass(frozen=True)
class Evidence:
    """Evidence of motion of a shot.

    Attributes:
        map: (T, h, w) float32 from 0 to 1; 0.5 at each frame's own Otsu threshold.
        weight: (T,) float32 from 0 to 1, trust in each frame's own motion.
        gap: frames between the two of a pair.
        past_parallax: the camera's way through the scene is taken out, not only its turn.
    """

    map: np.ndarray
    weight: np.ndarray
    gap: int
    past_parallax: bool = False

    @property
    def moves(self) -> bool:
        """True if something moves in some frame."""
        return bool((self.weight > 0).any())

    def of(self, times: Sequence[int]) -> "Evidence":
        """The evidence of some frames, by their places in the shot."""
        index = np.asarray(times, int)
        return replace(self, map=self.map[index], weight=self.weight[index])


def gather(
    flow: Flow, gap: int, step: int = 1, camera: Camera = "turns", steps: Steps = silent
) -> list[Evidence]:
    """Evidence of motion from flow of the gaps `step`, `gap` and their opposites.

    A frame's residual is the length of its flow after the dominant quadratic motion is removed, the
    smaller of the two directions: what is uncovered in one is seen in the other. In units of its
    interquartile range over the frame it is averaged along the flow with the frames before and
    after, so that what stops for a moment is not lost.

    Where the camera moves past things at several distances, near ones leave the quadratic motion,
    too, but not the epipolar geometry; the geometric mean of both residuals is large where both
    are. Without parallax that geometry is not determined, and may hide what moves.

    Args:
        flow: see `Flow`.
        gap: of the residual, at least 1.
        step: of the averaging, at least 1.
        camera: `turns`: evidence against the quadratic motion; `moves`: against both; `any`: both
            kinds of evidence, in this order.
        steps: shows the progress.

    Returns:
        One or two; the trust in frames is that of the quadratic motion.
    """
    turning = _smaller(flow, gap, length, "motion", steps)
    weight = np.clip((otsu(turning) - STILL) / (CLEAR - STILL), 0, 1)
    residuals = {} if camera == "moves" else {False: turning}
    if camera != "turns":
        parallax = _smaller(flow, gap, sampson_error, "parallax", steps)
        residuals[True] = np.sqrt(turning * parallax)
    trust = weight.astype(np.float32)
    relative = [_relative(lengths) for lengths in residuals.values()]
    steady = along_flow(relative, trust, flow, step, steps)
    return [
        Evidence(_graded(lengths), trust, gap, past_parallax)
        for past_parallax, lengths in zip(residuals, steady, strict=True)
    ]


def _smaller(
    flow: Flow,
    gap: int,
    of_field: Callable[[np.ndarray], np.ndarray],
    description: str,
    steps: Steps,
) -> np.ndarray:
    """(T, h, w) float32: the smaller residual of both directions, 0 where neither is known."""
    shape = flow[gap].shape
    lengths = np.full((shape[0], *shape[2:]), np.inf, np.float32)
    fields = [(direction, t) for direction in (gap, -gap) for t in range(shape[0])]

    def of_pair(pair: tuple[int, int]) -> np.ndarray | None:
        field = flow[pair[0]][pair[1]]
        return of_field(field.astype(np.float32)) if np.isfinite(field).any() else None

    results = steps(in_threads(of_pair, fields), description, len(fields))
    for (_, t), result in zip(fields, results, strict=True):
        if result is not None:
            np.minimum(lengths[t], result, out=lengths[t])
    # No partner: frames in the middle of a shot shorter than twice the gap, and what leaves the
    # picture, or is hidden, in both directions.
    lengths[~np.isfinite(lengths)] = 0
    return lengths


def _relative(lengths: np.ndarray) -> np.ndarray:
    """Lengths (T, h, w) in units of each frame's interquartile range."""
    low, high = np.quantile(lengths.reshape(len(lengths), -1), [0.25, 0.75], axis=1)
    return lengths / np.maximum(high - low, LEAST_MOTION)[:, None, None].astype(np.float32)


def _graded(lengths: np.ndarray) -> np.ndarray:
    """(T, h, w) float32 from 0 to 1, 0.5 at each frame's threshold, of lengths (T, h, w)."""
    limit = np.maximum(otsu(lengths), LEAST_MOTION)[:, None, None]
    return (lengths**2 / (lengths**2 + limit**2)).astype(np.float32)


def along_flow(
    maps: Sequence[np.ndarray],
    weight: np.ndarray,
    flow: Flow,
    step: int = 1,
    steps: Steps = silent,
) -> list[np.ndarray]:
    """Average maps along the flow, `ROUNDS` times with the frames a step before and after.

    Args:
        maps: (T, h, w) float32 each.
        weight: (T,) of each frame's own maps; frames of weight 0 have what flows into them.
        flow: of gaps `step` and `-step`.
        step: frames from one to the next of the chain.
        steps: shows the progress.

    Returns:
        (T, h, w) float32 each.
    """
    if weight.min() == weight.max() > 0:  # then the sum of weights is theirs everywhere
        return list(np.moveaxis(_averaged(np.stack(maps, -1), flow, step, steps), -1, 0))
    share = np.broadcast_to(weight[:, None, None], maps[0].shape).astype(np.float32)
    stacked = np.stack([*(values * share for values in maps), share], -1)
    *sums, total = np.moveaxis(_averaged(stacked, flow, step, steps), -1, 0)
    return [values / np.maximum(total, np.finfo(np.float32).tiny) for values in sums]


def _averaged(maps: np.ndarray, flow: Flow, step: int, steps: Steps) -> np.ndarray:
    """Maps (T, h, w, C) after all rounds; a pass over all channels takes little more than one."""
    current, following = maps, np.empty_like(maps)
    others = [[a for a in (step, -step) if 0 <= t + a < len(maps)] for t in range(len(maps))]
    # Rounds take half the time where they need not follow the flow anew.
    ends = list(in_threads(lambda t: [ends_of(flow[a][t]) for a in others[t]], range(len(maps))))

    def mean(t: int) -> np.ndarray:
        gathered = [current[t]]
        gathered += [sampled(current[t + a], to) for a, to in zip(others[t], ends[t], strict=True)]
        return KEPT * maps[t] + (1 - KEPT) / len(gathered) * sum(gathered)

    for _ in steps(range(ROUNDS), "averaging", ROUNDS):
        for t, values in enumerate(in_threads(mean, range(len(maps)))):
            following[t] = values
        current, following = following, np.empty_like(maps) if current is maps else current
    return current


Ends = tuple[np.ndarray, np.ndarray]
"""Ends of the flow of all pixels, OpenCV's fixed point of 1/32: (h, w, 2) int16, (h, w) uint16."""


def ends_of(flow: np.ndarray) -> Ends:
    """Ends of a flow (2, h, w), pixels; where it is unknown it counts as none."""
    across, down = np.nan_to_num(flow.astype(np.float32))
    rows, columns = np.indices(across.shape, np.float32)
    return cv2.convertMaps(columns + across, rows + down, cv2.CV_16SC2)


def sampled(values: np.ndarray, ends: Ends) -> np.ndarray:
    """Another frame's map (h, w) or (h, w, C) float32 there, bilinear; beyond it, the border's."""
    result = cv2.remap(values, ends[0], ends[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return result.reshape(values.shape)  # OpenCV drops an axis of one channel


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


def length(flow: np.ndarray) -> np.ndarray:
    """Length of the flow after its dominant quadratic motion is removed.

    Args:
        flow: (2, h, w) float32, pixels; NaN where unknown.

    Returns:
        (h, w) float32, pixels; infinite where the flow is unknown or leaves the frame.
    """
    length = np.linalg.norm(residual(flow, FIT_ITERATIONS, degree=2), axis=0).astype(np.float32)
    ends = np.indices(length.shape) + flow[::-1]
    last = np.array(length.shape).reshape(2, 1, 1) - 1
    length[~((ends >= 0) & (ends <= last)).all(0)] = np.inf
    return length
