"""Which sequences and frames stand for an evaluation: the best and the worst of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from commonfate.flow.drawing.review import spread

VIDEOS = 2
"""Sequences shown of either end."""
FRAMES = 3
"""Frames shown of each: of its start, its middle and its end."""
IMAGES = 4
"""The same where every sequence is a single image."""


@dataclass(frozen=True)
class Moment:
    """A scored frame that is shown.

    Attributes:
        group: the end that it stands for, e.g. `Highest J`.
        name: its sequence.
        t: its frame.
        score: of this frame, in [0, 1].
        sequence_score: of the sequence; None where it has but this frame.
    """

    group: str
    name: str
    t: int
    score: float
    sequence_score: float | None


def moments(sequences: Mapping[str, Any], metric: str = "J") -> list[Moment]:
    """Moments of the sequences of highest score, then of those of lowest; none is in both.

    Args:
        sequences: by name, each with its `metrics`, and with `frames`, the score by frame, as
            `score.evaluate` and `semantic.evaluate` return them.
        metric: which metric the score is.
    """
    ranked = sorted(sequences, key=lambda name: (-sequences[name]["metrics"][metric], name))
    still = all(len(sequences[name]["frames"]) == 1 for name in ranked)
    wanted = IMAGES if still else VIDEOS
    best = ranked[: min(wanted, (len(ranked) + 1) // 2)]
    worst = ranked[len(best) :][-wanted:]
    groups = {f"Highest {metric}": best, f"Lowest {metric}": worst}
    if not worst:
        groups = {"The only sequence": best}
    return [
        moment
        for group, names in groups.items()
        for name in names
        for moment in _of_sequence(group, name, sequences[name], metric)
    ]


def _of_sequence(group: str, name: str, scores: Mapping[str, Any], metric: str) -> list[Moment]:
    frames = scores["frames"]
    whole = scores["metrics"][metric] if len(frames) > 1 else None
    return [
        Moment(group, name, int(key), frames[key], whole) for key in spread(sorted(frames), FRAMES)
    ]
