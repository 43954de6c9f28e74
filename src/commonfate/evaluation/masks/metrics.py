"""The metrics of an evaluation: what is measured in a frame, and how frames become one number.

`J`: Jaccard index. `Acc`: share of pixels on the right side. `F_beta`: beta^2 = 0.3. `mIoU`: mean
of the IoU of background and foreground, whose pixels are counted over all frames before anything is
divided, as AMD's released code scores; it is the only one that does not go by the protocol's mean.
These four are of the chosen foreground. `maxF_beta` and `MAE` are of the soft foreground, and are
left out where predictions have none.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from commonfate.evaluation.masks import saliency
from commonfate.evaluation.masks.foreground import frame_jaccard
from commonfate.evaluation.protocols import Protocol, average
from commonfate.evaluation.semantic import confusion

Measures = dict[str, float | np.ndarray]
"""Metrics of one frame by name. Two are no numbers yet: `maxF_beta` is F-beta at each threshold,
`mIoU` the (2, 2) pixels of background and foreground by what they are predicted to be."""


def of_frame(counts: np.ndarray, chosen: np.ndarray, levels: np.ndarray | None = None) -> Measures:
    """Measure one frame.

    Args:
        counts: (S, 2) int64, pixels of each segment outside and inside the ground truth, see
            `foreground.overlap`.
        chosen: (S) bool, the segments that are foreground.
        levels: (256, 2) int64, the same for each level of the soft foreground, see
            `saliency.levels`; None where there is none.
    """
    measures: Measures = {
        "J": frame_jaccard(counts, chosen),
        "Acc": saliency.accuracy(counts, chosen),
        "F_beta": saliency.f_beta(counts, chosen),
        "mIoU": np.stack([counts[~chosen].sum(0), counts[chosen].sum(0)], axis=1),
    }
    if levels is not None:
        measures["maxF_beta"] = saliency.f_beta_curve(levels)
        measures["MAE"] = saliency.mean_absolute_error(levels)
    return measures


def over_frames(
    protocol: Protocol, sequences: Mapping[str, Mapping[int, Measures]]
) -> dict[str, float]:
    """Make one number of each metric.

    Averages are taken as the protocol says, the maximum of F-beta of the averages.

    Args:
        protocol: says over what the mean is taken.
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
        return confusion.mean_iou(sum(matrix for frames in values.values() for matrix in frames))
    return float(np.max(average(protocol, values)))
