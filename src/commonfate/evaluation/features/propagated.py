"""Scores of masks that were carried from the first frame of clips to the others.

J and F are those of the DAVIS tools: of each object in each frame, and of all objects as one. The
mean of an object's frames counts once. Objects that the first frame lacks cannot be carried, and
are left out: their pixels are background.

TimeT's released code scores something else, see `score_released`.
"""

from collections.abc import Sequence

import numpy as np

from commonfate.base.text import counted
from commonfate.datasets.mask_values import VOID
from commonfate.evaluation.features.dense import stacked
from commonfate.evaluation.features.result import Result
from commonfate.evaluation.masks.jaccard import count, jaccard
from commonfate.evaluation.masks.objects import f_measure

TOO_SHORT = "has a single frame"
NO_OBJECT = "the first frame has no object"
NOTHING_COUNTS = "every later frame is void"

Clip = tuple[np.ndarray, np.ndarray]
"""Predicted masks of frames 1 to T - 1, (T - 1, H, W) uint8, and the truth of all, (T, H, W) uint8:
objects 1 to N, 0 background, 255 void."""


def score(clips: Sequence[Clip]) -> Result:
    """J and F of carried masks, frame t against frame t.

    Frames that are all void do not count; other void pixels are left out of J, and removed from
    both masks for F.

    Args:
        clips: predictions and truth.

    Returns:
        `J`, `F` and `J&F`, means over objects; `J_merged`, `F_merged` and `J&F_merged`, of all
        objects as one, means over clips; NaN without clips. Items are J&F of the clips, means over
        their objects. Clips of a single frame, without an object in the first frame, or void
        everywhere after it are left out.

    Raises:
        ValueError: predictions and truth do not go together.
    """
    items, left_out = np.full(len(clips), np.nan), {}
    each: list[np.ndarray] = []
    merged: list[np.ndarray] = []
    later = 0
    for i, (predicted, truth) in enumerate(clips):
        _check(predicted, truth, i)
        objects = np.setdiff1d(truth[0], [0, VOID])
        scored = [t for t in range(1, len(truth)) if (truth[t] != VOID).any()]
        if reason := _reason(truth, objects, scored):
            left_out[i] = reason
            continue
        masks = [(predicted[t - 1], truth[t]) for t in scored]
        values = np.array([_of_masks(masks, [o]) for o in objects])
        each.extend(values)
        merged.append(values[0] if len(objects) == 1 else _of_masks(masks, list(objects)))
        items[i] = values.mean()
        later += len(np.setdiff1d(truth[1:], [0, VOID, *objects]))
    metrics = _named(each, "") | _named(merged, "_merged")
    lacking = f"background, as the first frames lack them: {counted(later, 'object')}"
    notes = (lacking,) if later else ()
    predictions = stacked([predicted for predicted, _ in clips])
    return Result(metrics, items, predictions, left_out=left_out, notes=notes)


def score_released(clips: Sequence[Clip]) -> Result:
    """Score as TimeT's released code does, for comparison with its printed numbers.

    All objects are one. The prediction of frame t + 1 is compared with the truth of frame t, for t
    from 1 on, since both lists lose their first entry but start at different frames. In each frame
    foreground and background are exchanged if that raises the sum of their IoU (a Hungarian
    matching that sees the truth); then the IoU of the foreground counts. The mean is over all
    frames of all clips. A frame without true foreground scores 0.

    Args:
        clips: predictions and truth; those of fewer than three frames have no such pair.

    Returns:
        `IoU`; items are the means of the clips.

    Raises:
        ValueError: predictions and truth do not go together.
    """
    items, left_out = np.full(len(clips), np.nan), {}
    values: list[float] = []
    for i, (predicted, truth) in enumerate(clips):
        _check(predicted, truth, i)
        pairs = zip(predicted[1:], truth[1:-1], strict=True)
        frames = [_after_exchange(p, t) for p, t in pairs if (t != VOID).any()]
        if not frames:
            left_out[i] = "has no two frames that the released score compares"
            continue
        values.extend(frames)
        items[i] = np.mean(frames)
    iou = float(np.mean(values)) if values else float("nan")
    predictions = stacked([predicted for predicted, _ in clips])
    return Result({"IoU": iou}, items, predictions, left_out=left_out)


def _after_exchange(predicted: np.ndarray, truth: np.ndarray) -> float:
    """IoU of the foreground, exchanged with the background if that fits better."""
    void, true = truth == VOID, truth > 0
    ious = np.array(
        [
            [
                jaccard(*count(mask, side, void)) if (side & ~void).any() else 0.0
                for side in (~true, true)
            ]
            for mask in (predicted == 0, predicted != 0)
        ]
    )
    return float(ious[0, 1] if ious[0, 1] + ious[1, 0] > np.trace(ious) else ious[1, 1])


def _check(predicted: np.ndarray, truth: np.ndarray, clip: int) -> None:
    if truth.ndim != 3 or predicted.shape != (len(truth) - 1, *truth.shape[1:]):
        raise ValueError(
            f"clip {clip}: expected truth (T, H, W) and predictions (T - 1, H, W), not "
            f"{truth.shape} and {predicted.shape}"
        )


def _reason(truth: np.ndarray, objects: np.ndarray, scored: Sequence[int]) -> str | None:
    if len(truth) < 2:
        return TOO_SHORT
    if not len(objects):
        return NO_OBJECT
    return None if scored else NOTHING_COUNTS


def _of_masks(masks: Sequence[tuple[np.ndarray, np.ndarray]], objects: Sequence[int]) -> np.ndarray:
    """Mean J and F over frames, of the union of some objects: (2) float64."""
    values = []
    for predicted, truth in masks:
        ours, theirs, void = np.isin(predicted, objects), np.isin(truth, objects), truth == VOID
        marked = void if void.any() else None
        j = float(jaccard(*count(ours, theirs, marked)))
        values.append((j, f_measure(ours, theirs, marked)))
    return np.mean(values, axis=0)


def _named(values: Sequence[np.ndarray], ending: str) -> dict[str, float]:
    j, f = np.mean(values, axis=0).tolist() if values else (float("nan"),) * 2
    return {f"J{ending}": j, f"F{ending}": f, f"J&F{ending}": (j + f) / 2}
