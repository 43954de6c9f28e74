"""Protocols by name: the annotated frames that are scored, and the mean over them.

Papers differ here, so a score without its protocol's name means little.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from commonfate.base.errors import ConfigError
from commonfate.base.settings import unknown
from commonfate.evaluation.masks import jaccard


@dataclass(frozen=True)
class Protocol:
    """A way to make one number of a benchmark's scores by frame."""

    name: str
    description: str
    average: Literal["sequence", "frame"]
    """`sequence`: mean over sequences of the mean over frames. `frame`: mean over all frames."""
    scored: Callable[[Sequence[int], int], list[int]]
    """(annotated frames, counted from 0; number of frames of the video) -> scored frames."""


def _all(annotated: Sequence[int], frames: int) -> list[int]:
    return sorted(annotated)


def _with_next(annotated: Sequence[int], frames: int) -> list[int]:
    return [t for t in sorted(annotated) if t < frames - 1]


def _with_next_from_two(annotated: Sequence[int], frames: int) -> list[int]:
    return [t for t in _with_next(annotated, frames) if t > 1]


def _inner(annotated: Sequence[int], frames: int) -> list[int]:
    return sorted(annotated)[1:-1]


PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            "davis",
            "All annotated frames; mean over sequences of the mean over frames.",
            "sequence",
            _all,
        ),
        Protocol(
            "davis_released",
            "As GWM's released code scores DAVIS: frames 0 and 1 and those without a next frame "
            "(no flow of gap 1) are left out; mean over sequences of the mean over frames.",
            "sequence",
            _with_next_from_two,
        ),
        Protocol(
            "davis_official",
            "As the DAVIS 2016 tool: the first and the last annotated frame are left out; mean "
            "over sequences of the mean over frames.",
            "sequence",
            _inner,
        ),
        Protocol(
            "frame_average",
            "All annotated frames, one mean over all of them: SegTrackv2, FBMS and the images in "
            "GWM (an image is a video of one frame).",
            "frame",
            _all,
        ),
        Protocol(
            "frame_average_released",
            "As GWM's released code scores SegTrackv2 and FBMS: frames without a next frame (no "
            "flow of gap 1) are left out; one mean over all others.",
            "frame",
            _with_next,
        ),
    )
}


def get(name: str) -> Protocol:
    """The protocol called `name`.

    Raises:
        ConfigError: there is none.
    """
    if name not in PROTOCOLS:
        raise ConfigError(f"protocol {name!r}{unknown(name, PROTOCOLS)}")
    return PROTOCOLS[name]


def average(
    protocol: Protocol, sequences: Mapping[str, Sequence[float | np.ndarray]]
) -> np.ndarray:
    """Average values of scored frames as a protocol says.

    Args:
        protocol: its mean is taken.
        sequences: a number or an array, all of one shape, for each scored frame, by sequence; at
            least one of each.

    Returns:
        float64 of that shape.
    """
    means = [np.mean(np.asarray(values, np.float64), axis=0) for values in sequences.values()]
    if protocol.average == "sequence":
        return np.mean(means, axis=0)
    return np.average(means, axis=0, weights=[len(values) for values in sequences.values()])


@dataclass(frozen=True)
class Score:
    """J of one sequence, or of a benchmark: mean, recall and decay, each a share of 1."""

    mean: float
    recall: float
    decay: float


def score_sequence(values: Mapping[int, float]) -> Score:
    """Score one sequence from J by frame; the frames are taken in their order in time."""
    ordered = np.array([values[t] for t in sorted(values)])
    return Score(jaccard.mean(ordered), jaccard.recall(ordered), jaccard.decay(ordered))


def score_benchmark(protocol: Protocol, sequences: Mapping[str, Mapping[int, float]]) -> Score:
    """Score a benchmark.

    Decay compares the start and the end of a sequence, so it is a mean over sequences under every
    protocol.

    Args:
        protocol: its mean is taken.
        sequences: J of the scored frames, by sequence and frame; at least one of each.

    Raises:
        ValueError: there is no sequence, or one without frames.
    """
    if not sequences or not all(sequences.values()):
        raise ValueError("every sequence must have a scored frame, and there must be one sequence")
    each = [score_sequence(values) for values in sequences.values()]
    decay = jaccard.mean([score.decay for score in each])
    if protocol.average == "sequence":
        mean = jaccard.mean([score.mean for score in each])
        recall = jaccard.mean([score.recall for score in each])
        return Score(mean, recall, decay)
    pooled = np.array([j for values in sequences.values() for j in values.values()])
    return Score(jaccard.mean(pooled), jaccard.recall(pooled), decay)
