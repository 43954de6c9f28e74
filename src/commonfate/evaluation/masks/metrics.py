"""Metrics of a foreground: measures of a frame, and the number that they become over all frames.

`J`: Jaccard index. `Acc`: share of pixels on the right side. `F_beta`: beta^2 = 0.3. `mIoU`: mean
of the IoU of background and foreground, whose pixels are counted over all frames before anything is
divided, as AMD's released code scores; it is the only one that is no mean by the protocol.
These four are of the chosen foreground. `maxF_beta` and `MAE` are of the soft foreground, and are
left out where predictions have none.

All are computed from counts of pixels, by level of the soft foreground and by the ground truth, so
that a mask is read once and not once for each threshold.

**Maximum F-beta** is that of GWM's released notebook for images, which has it from Melas-Kyriazi's
unsupervised-image-segmentation and this from Voynov's BigGANsAreWatching: F-beta of every image at
every threshold, then the mean over images, then the maximum over thresholds. So one threshold
serves the whole data set. Two other definitions give other numbers: the precision-recall curve of
the salience literature averages precision and recall over images before F-beta; a threshold of its
own for each image never scores lower than ours.

**Thresholds** are the 255 midpoints (k + 1/2) / 255, k = 0..254, of the levels 0..255 in which soft
foregrounds are stored, so rounding to levels changes no decision; 1/2 is one of them. (Released:
"above k / 255", k = 1..254.)

**Empty masks** count as in that code: precision is 1 where nothing is predicted, recall is 1 where
there is nothing to find, F-beta is 0 where both are 0.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from commonfate.evaluation.masks.foreground import frame_jaccard
from commonfate.evaluation.protocols import Protocol, average
from commonfate.evaluation.semantic import confusion

BETA_SQUARED = 0.3
"""Precision weighs more than recall: Achanta et al., CVPR 2009."""
LEVELS = 256
Measures = dict[str, float | np.ndarray]
"""Metrics of one frame by name. Two are no numbers yet: `maxF_beta` is F-beta at each threshold,
`mIoU` the (2, 2) pixels, background and foreground, true by predicted."""


def of_frame(counts: np.ndarray, chosen: np.ndarray, levels: np.ndarray | None = None) -> Measures:
    """Measure one frame.

    Args:
        counts: (S, 2) int64, pixels of each segment outside and inside the ground truth, see
            `foreground.overlap`.
        chosen: (S) bool, the segments that are foreground.
        levels: (256, 2) int64, the same for each level of the soft foreground, see
            `levels`; None where there is none.
    """
    measures: Measures = {
        "J": frame_jaccard(counts, chosen),
        "Acc": accuracy(counts, chosen),
        "F_beta": f_beta(counts, chosen),
        "mIoU": np.stack([counts[~chosen].sum(0), counts[chosen].sum(0)], axis=1),
    }
    if levels is not None:
        measures["maxF_beta"] = f_beta_curve(levels)
        measures["MAE"] = mean_absolute_error(levels)
    return measures


def over_frames(
    protocol: Protocol, sequences: Mapping[str, Mapping[int, Measures]]
) -> dict[str, float]:
    """Make one number of each metric.

    Averages are taken as the protocol says, the maximum of F-beta of the averages.

    Args:
        protocol: its mean is taken.
        sequences: measures of the scored frames, by sequence and frame; at least one of each, all
            with the same metrics.

    Returns:
        Shares of 1 by metric.
    """
    first = next(iter(next(iter(sequences.values())).values()))
    values = {
        name: {
            sequence: [measures[name] for measures in frames.values()]
            for sequence, frames in sequences.items()
        }
        for name in first
    }
    return {name: _one_number(protocol, name, values[name]) for name in first}


def _one_number(
    protocol: Protocol, metric: str, values: Mapping[str, Sequence[float | np.ndarray]]
) -> float:
    if metric == "mIoU":
        matrices = [np.asarray(matrix) for frames in values.values() for matrix in frames]
        return confusion.mean_iou(np.sum(matrices, axis=0))
    return float(np.max(average(protocol, values)))


def accuracy(counts: np.ndarray, chosen: np.ndarray) -> float:
    """Share of pixels on the right side; 1 where every pixel is void.

    Args:
        counts: (S, 2) int, pixels of each segment outside and inside the ground truth, see
            `foreground.overlap`.
        chosen: (S) bool, the segments that are foreground.
    """
    total = counts.sum()
    right = counts[chosen, 1].sum() + counts[~chosen, 0].sum()
    return float(right / total) if total else 1.0


def f_beta(counts: np.ndarray, chosen: np.ndarray) -> float:
    """F-beta, beta^2 = 0.3, of the union of the chosen segments; arguments as for `accuracy`."""
    outside, inside = counts[chosen].sum(0)
    return float(_f_beta(inside, inside + outside, counts[:, 1].sum()))


def levels(foreground: np.ndarray, truth: np.ndarray, void: np.ndarray) -> np.ndarray:
    """Count the pixels at each level of a soft foreground, outside and inside the ground truth.

    Turned upside down, these are the counts of `1 - foreground`.

    Args:
        foreground: (H, W) uint8, the probability of the foreground in steps of 1/255.
        truth: (H, W) bool, the true foreground.
        void: (H, W) bool, pixels that do not count.

    Returns:
        (256, 2) int64: outside, inside.
    """
    cells = foreground * np.uint16(2) + truth
    if void.any():
        cells = cells[~void]
    return np.bincount(cells.ravel(), minlength=2 * LEVELS).reshape(LEVELS, 2)


def f_beta_curve(counts: np.ndarray) -> np.ndarray:
    """F-beta, beta^2 = 0.3, of one image at every threshold.

    Args:
        counts: (256, 2) int64, see `levels`.

    Returns:
        (255) float64 in [0, 1]; entry k is that of the pixels above (k + 1/2) / 255.
    """
    # From the highest level down; the last row, every pixel, belongs to no threshold.
    outside, inside = counts[::-1].cumsum(0)[-2::-1].T
    return _f_beta(inside, inside + outside, counts[:, 1].sum())


def mean_absolute_error(counts: np.ndarray) -> float:
    """Mean distance of a soft foreground to the ground truth; 0 where every pixel is void.

    Args:
        counts: (256, 2) int64, see `levels`.
    """
    total, value = counts.sum(), np.arange(LEVELS) / (LEVELS - 1)
    distance = counts[:, 0] @ value + counts[:, 1] @ (1 - value)
    return float(distance / total) if total else 0.0


def _f_beta(
    hit: np.ndarray | int, predicted: np.ndarray | int, true: np.ndarray | int
) -> np.ndarray:
    """F-beta from the pixels that are foreground in both, in the prediction, in the truth.

    (1 + b) P R / (b P + R), b = beta^2, with P = hit / predicted and R = hit / true, is
    (1 + b) hit / (b true + predicted). The only 0/0 is that of two empty masks. If one mask is
    empty F is 0: with P or R 1 by convention, the other is 0.
    """
    hit, predicted, true = (np.asarray(count, np.float64) for count in (hit, predicted, true))
    weighed = BETA_SQUARED * true + predicted
    return np.where(weighed > 0, (1 + BETA_SQUARED) * hit / np.where(weighed > 0, weighed, 1), 1)
