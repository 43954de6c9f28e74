"""Mean, recall and decay of the per-frame values of one sequence.

Perazzi et al., CVPR 2016, Section 4. A value that is NaN is left out of mean and decay, and counts
as not recalled, as in the DAVIS tool; frames that do not count are taken out before.
"""

import numpy as np

RECALL_ABOVE = 0.5
BINS = 4


def mean(values: np.ndarray) -> float:
    """Mean of (T) float values; NaN if there is none."""
    values = np.asarray(values, np.float64)
    values = values[~np.isnan(values)]
    return float(values.mean()) if values.size else float("nan")


def recall(values: np.ndarray) -> float:
    """Share of (T) float values strictly above 0.5 (which NaN is not); NaN if there is none."""
    return mean(np.asarray(values, np.float64) > RECALL_ABOVE)


def decay(values: np.ndarray) -> float:
    """Mean over the first quarter of (T) float values, in time order, minus that over the last.

    As in the DAVIS tool the quarters share their end frames, which lie at the rounded positions of
    five equally spaced points from the first to the last frame. (The tool keeps the positions in 8
    bits and is wrong from 256 frames on; here they are whole numbers of any size.)
    """
    values = np.asarray(values, np.float64)
    if not values.size:
        return float("nan")
    # Quarters are exact in binary, so adding a half and cutting rounds halves up, as the tool does.
    ends = (np.linspace(0, len(values) - 1, BINS + 1) + 0.5).astype(int)
    return mean(values[: ends[1] + 1]) - mean(values[ends[-2] :])
