"""The metrics of an evaluation: what is measured in a frame, and how frames become one number.

`J`: Jaccard index. `Acc`: share of pixels on the right side. `F_beta`: beta^2 = 0.3. These three
are of the chosen foreground. `maxF_beta` and `MAE` are of the soft foreground, and are left out
where predictions have none.
"""

from collections.abc import Mapping

import numpy as np

from commonfate.evaluation import saliency
from commonfate.evaluation.foreground import frame_jaccard
from commonfate.evaluation.protocols import Protocol, average

Measures = dict[str, float | np.ndarray]
"""Metrics of one frame by name; `maxF_beta` is not a number yet, but F-beta at each threshold."""


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
    }
    if levels is not None:
        measures["maxF_beta"] = saliency.f_beta_curve(levels)
        measures["MAE"] = saliency.mean_absolute_error(levels)
    return measures


def over_frames(
    protocol: Protocol, sequences: Mapping[str, Mapping[int, Measures]]
) -> dict[str, float]:
    """Average each metric as a protocol says; the maximum of F-beta is taken of the averages.

    Args:
        protocol: says over what the mean is taken.
        sequences: measures of the scored frames, by sequence and frame; at least one of each, all
            with the same metrics.

    Returns:
        Shares of 1 by metric.
    """
    first = next(iter(next(iter(sequences.values())).values()))
    averages = {
        name: average(
            protocol,
            {
                sequence: [measures[name] for measures in frames.values()]
                for sequence, frames in sequences.items()
            },
        )
        for name in first
    }
    return {name: float(np.max(value)) for name, value in averages.items()}
