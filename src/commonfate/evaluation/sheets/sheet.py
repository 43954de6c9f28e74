"""The sheet of an evaluation: input, prediction and truth of its best and its worst sequences.

A row is a frame: the frame, its flow, and the pictures of the kind of evaluation, e.g. components,
foreground and ground truth.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from commonfate.base.errors import ConfigError, StoreError
from commonfate.base.files import replacing
from commonfate.base.text import counted
from commonfate.evaluation import kinds
from commonfate.evaluation.kinds.base import Pictures, PredictionKind
from commonfate.evaluation.sheets import layout, pictures
from commonfate.evaluation.sheets.layout import Row
from commonfate.flow.drawing import colour
from commonfate.flow.drawing.review import spread
from commonfate.prediction.benchmark import AnnotatedVideo, central_square
from commonfate.prediction.predictions import Predictions
from commonfate.prediction.stores import Frames

log = logging.getLogger(__name__)
AVERAGES = {
    "sequence": "mean over sequences",
    "frame": "mean over frames",
    "pooled": "pixels of all frames counted together",
}


VIDEOS = 2
"""Number of sequences shown of either end."""
FRAMES = 3
"""Number of frames shown of each: of its start, its middle and its end."""
IMAGES = 4
"""Number of images shown of either end, where every sequence is a single image."""


class FlowReader(Protocol):
    """Reader of flow, see `stores.Flow`."""

    def read(self, video: str, t: int) -> tuple[np.ndarray, int]:
        """Flow of a frame, (2, H, W) float32 in pixels, NaN where unknown; and its gap."""


def of_evaluation(
    scores: Mapping[str, Any],
    predictions: Predictions,
    videos: Sequence[AnnotatedVideo],
    frames: Frames,
    folder: Path,
    flow: FlowReader | None = None,
) -> list[Row]:
    """Rows for the sequences of highest and of lowest score, see `moments`.

    Args:
        scores: content of the file of scores.
        predictions: the predictions that were scored.
        videos: the benchmark's videos.
        frames: their frames.
        folder: the folder beside the scores.
        flow: their flow; a frame without any gets a blank picture.
    """
    by_name = {video.name: video for video in videos}
    square = predictions.metadata["crop"] == "square"
    kind = kinds.scoring_predictions(scores["foreground"])
    rows = []
    for moment in moments(scores["sequences"], kind.main_metric):
        frame, shown, note = _input(moment, frames, flow, square)
        video = by_name[moment.name]
        shown |= kind.pictures(predictions, video, moment.t, frame, folder)
        rows.append(_row(moment, kind, shown, note))
    return rows


@dataclass(frozen=True)
class Moment:
    """A scored frame that is shown.

    Attributes:
        group: `Highest J` or `Lowest J`, or of another metric.
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
        sequences: by name, each with its `metrics`, and with `frames`, the score by frame.
        metric: the metric of the scores.
    """
    ranked = sorted(sequences, key=lambda name: (-sequences[name]["metrics"][metric], name))
    still = all(len(sequences[name]["frames"]) == 1 for name in ranked)
    most = IMAGES if still else VIDEOS
    best = ranked[: min(most, (len(ranked) + 1) // 2)]
    worst = ranked[len(best) :][-most:]
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


def draw(path: str | Path, rows: Sequence[Row], caption: str) -> None:
    """Draw a sheet as PNG.

    Args:
        path: file, replaced in one step.
        rows: from top to bottom, at least one.
        caption: lines above the sheet; long ones are wrapped.
    """
    sheet = layout.arranged(rows, caption)
    with replacing(path) as temporary:
        sheet.save(temporary, format="PNG")


def caption(scores: Mapping[str, Any], scale: str | None = None) -> str:
    """The caption of a sheet: run, score, and the choices behind the score.

    Args:
        scores: content of the file of scores.
        scale: of the configuration, where the evaluation is part of a workflow.
    """
    chosen = [
        part for part in ("checkpoint", "foreground") if scores[f"{part}_looks_at_ground_truth"]
    ]
    images = scores["n_sequences"] == scores["n_frames"]
    count = counted(scores["n_frames"], "image" if images else "frame")
    kind = kinds.scoring_predictions(scores["foreground"])
    metric = kind.main_metric
    score = f"{metric} {100 * scores['metrics'][metric]:.1f}"
    parts = [
        f"scale {scale}" if scale else "",
        f"split {scores['split']}",
        f"protocol {scores['protocol']} ({AVERAGES[scores['average']]})",
        kind.words(scores["foreground"]) if len(kind.rules) > 1 else "",
        f"checkpoint {scores['checkpoint']}" if scores["run"] else "",
        f"{counted(steps, 'step')} of adaptation" if (steps := scores["adapt_steps"]) else "",
        "CRF" if scores["crf"] else "",
    ]
    return "\n".join(
        (
            f"{scores['run'] or scores['method']}: {score} of "
            + (count if images else f"{counted(scores['n_sequences'], 'sequence')}, {count}"),
            "; ".join(part for part in parts if part),
            f"{' and '.join(chosen)} chosen by looking at the ground truth"
            if chosen
            else "no choice was made by looking at the ground truth",
        )
    )


def _input(
    moment: Moment, frames: Frames, flow: FlowReader | None, square: bool
) -> tuple[np.ndarray, Pictures, str]:
    """The frame; with it its flow if flow is shown; and a note on the flow."""
    frame = frames.read(moment.name, moment.t)
    frame = central_square(frame) if square else frame
    size = layout.picture_size((frame.shape[0], frame.shape[1]))
    frame = pictures.scaled(frame, size)
    shown: Pictures = {"frame": frame}
    if flow is None:
        return frame, shown, ""
    shown["flow"], note = _coloured_flow(flow, moment, size, square)
    return frame, shown, note


def _row(moment: Moment, kind: PredictionKind, shown: Pictures, note: str) -> Row:
    summary, label = None, f"{kind.main_metric} {100 * moment.score:.1f}"
    if moment.sequence_score is not None:
        mean = "mean " if kind.is_average else ""
        summary = f"{mean}{kind.main_metric} {100 * moment.sequence_score:.1f}"
        label = f"frame {moment.t}, {label}"
    return Row(moment.group, moment.name, summary, label, note, shown)


def _coloured_flow(
    flow: FlowReader, moment: Moment, size: tuple[int, int], square: bool
) -> tuple[np.ndarray | None, str]:
    """The flow's picture, None where the frame has no flow, and a note on its colours."""
    try:
        field, gap = flow.read(moment.name, moment.t)
    except (StoreError, ConfigError) as error:
        log.info("%s frame %d: no flow in the sheet: %s", moment.name, moment.t, error)
        return None, "no flow"
    if square:
        field = central_square(field, axes=(1, 2))
    maximum = colour.robust_maximum(field)
    picture = pictures.scaled(colour.colours(field, maximum), size)
    return picture, f"flow: gap {gap:+d}, rim {maximum:.2g} px"
