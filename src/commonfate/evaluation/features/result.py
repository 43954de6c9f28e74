"""Results of a protocol."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Result:
    """Scores of features by one protocol; shares of 1, NaN where there is nothing to score.

    Attributes:
        metrics: by name; means over the repeats, if there are several.
        spread: their population standard deviations over the repeats; empty of one repeat or none.
        repeats: metrics of each repeat, e.g. of each seed of a clustering.
        items: (n,) score of each image or frame, by which pictures are chosen; NaN for those that
            are not scored.
        classes: (C,) score of each class, NaN of those that do not occur; None without classes.
        left_out: reasons why items are not scored, by their index.
        predictions: what was scored, one entry an item: label maps (n, H, W) or boxes (n, 4).
        notes: sentences on this result, e.g. that there were fewer points than clusters.
        repeated_classes: (C,) scores of the classes in each repeat; empty if there are none.
    """

    metrics: Mapping[str, float]
    items: np.ndarray
    predictions: np.ndarray
    spread: Mapping[str, float] = field(default_factory=dict)
    repeats: tuple[Mapping[str, float], ...] = ()
    classes: np.ndarray | None = None
    left_out: Mapping[int, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    repeated_classes: tuple[np.ndarray, ...] = ()


def over_repeats(results: list[Result]) -> Result:
    """One result of all repeats: mean and population deviation; pictures are of the first."""
    first = results[0]
    names = first.metrics
    values = {name: [result.metrics[name] for result in results] for name in names}
    classes = None
    repeated = tuple(result.classes for result in results if result.classes is not None)
    if first.classes is not None:
        stacked = np.stack(repeated)
        occurs = np.isfinite(stacked).any(0)
        classes = np.full(len(first.classes), np.nan)
        classes[occurs] = np.nanmean(stacked[:, occurs], 0)
    return Result(
        {name: float(np.mean(each)) for name, each in values.items()},
        first.items,
        first.predictions,
        {name: float(np.std(each)) for name, each in values.items() if len(each) > 1},
        tuple(result.metrics for result in results),
        classes,
        first.left_out,
        tuple(dict.fromkeys(note for result in results for note in result.notes)),
        repeated,
    )
