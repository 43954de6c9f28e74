"""A sheet of what went in, what came out and the truth, for the best and the worst of a benchmark.

A row is a frame: the frame, its flow, the components, the foreground, the ground truth; of semantic
segmentation the frame, its flow, the predicted classes, the true ones.
"""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from commonfate.base.errors import ConfigError, StoreError
from commonfate.base.files import replacing
from commonfate.evaluation.masks.foreground import CLASSES
from commonfate.evaluation.sheets import (
    layout as sheet_layout,
)
from commonfate.evaluation.sheets import (
    overlays,
    showcase,
)
from commonfate.evaluation.sheets import (
    pictures as sheet_pictures,
)
from commonfate.evaluation.sheets.layout import Row
from commonfate.evaluation.sheets.pictures import Pictures
from commonfate.evaluation.sheets.showcase import Moment
from commonfate.flow.drawing import colour
from commonfate.prediction.benchmark import AnnotatedVideo, central_square
from commonfate.prediction.predictions import Predictions
from commonfate.prediction.stores import Frames

log = logging.getLogger(__name__)
AVERAGES = {
    "sequence": "mean over sequences",
    "frame": "mean over frames",
    "pooled": "pixels of all frames counted together",
}


class FlowReader(Protocol):
    """Where flow is read, see `stores.Flow`."""

    def read(self, video: str, t: int) -> tuple[np.ndarray, int]:
        """Flow of a frame, (2, H, W) float32 in pixels, NaN where unknown; and its gap."""


def of_evaluation(
    scores: Mapping[str, Any],
    predictions: Predictions,
    videos: Sequence[AnnotatedVideo],
    frames: Frames,
    masks: Path,
    flow: FlowReader | None = None,
) -> list[Row]:
    """Rows for the sequences of highest and of lowest score, see `showcase.moments`.

    Args:
        scores: what `score.evaluate` or `semantic.evaluate` returned.
        predictions: what was scored.
        videos: the benchmark's videos.
        frames: their frames.
        masks: folder of the masks that it wrote.
        flow: their flow; a frame without any gets a blank picture.
    """
    by_name = {video.name: video for video in videos}
    square = predictions.metadata["crop"] == "square"
    metric = _metric(scores)
    show = sheet_pictures.classes if metric == "mIoU" else sheet_pictures.foreground
    rows = []
    for moment in showcase.moments(scores["sequences"], metric):
        pictures, note = _input(moment, frames, flow, square)
        pictures |= show(predictions, by_name[moment.name], moment.t, pictures["frame"], masks)
        rows.append(_row(moment, metric, pictures, note))
    return rows


def draw(path: str | Path, rows: Sequence[Row], caption: str) -> None:
    """Draw a sheet as PNG.

    Args:
        path: file, replaced in one step.
        rows: from top to bottom, at least one.
        caption: lines above the sheet; long ones are wrapped.
    """
    sheet = sheet_layout.arranged(rows, caption)
    with replacing(path) as temporary:
        sheet.save(temporary, format="PNG")


def caption(scores: Mapping[str, Any], scale: str | None = None) -> str:
    """What a sheet shows and how its numbers were read off.

    Args:
        scores: what `score.evaluate` or `semantic.evaluate` returned.
        scale: of the configuration, where the evaluation is part of a workflow.
    """
    looked = [
        what for what in ("checkpoint", "foreground") if scores[f"{what}_looks_at_ground_truth"]
    ]
    images = scores["n_sequences"] == scores["n_frames"]
    count = f"{scores['n_frames']} {'images' if images else 'frames'}"
    metric = _metric(scores)
    score = f"{metric} {100 * scores['metrics'][metric]:.1f}"
    parts = [
        f"scale {scale}" if scale else "",
        f"split {scores['split']}",
        f"protocol {scores['protocol']} ({AVERAGES[scores['average']]})",
        "" if metric == "mIoU" else f"foreground {scores['foreground']}",
        f"checkpoint {scores['checkpoint']}" if scores["run"] else "",
        f"{steps} steps of adaptation" if (steps := scores["adapt_steps"]) else "",
        "CRF" if scores["crf"] else "",
    ]
    return "\n".join(
        (
            f"{scores['run'] or scores['method']}: {score} of "
            + (count if images else f"{scores['n_sequences']} sequences, {count}"),
            "; ".join(part for part in parts if part),
            f"{' and '.join(looked)} chosen by looking at the ground truth"
            if looked
            else "no choice was made by looking at the ground truth",
        )
    )


def _metric(scores: Mapping[str, Any]) -> str:
    """The metric that a sheet is about."""
    return "mIoU" if scores["foreground"] == CLASSES else "J"


def _input(
    moment: Moment, frames: Frames, flow: FlowReader | None, square: bool
) -> tuple[Pictures, str]:
    """The frame and, where flow is shown, its flow; and a note on the latter."""
    frame = frames.read(moment.name, moment.t)
    frame = central_square(frame) if square else frame
    size = sheet_layout.picture_size((frame.shape[0], frame.shape[1]))
    pictures: Pictures = {"frame": overlays.scaled(frame, size)}
    if flow is None:
        return pictures, ""
    pictures["flow"], note = _coloured_flow(flow, moment, size, square)
    return pictures, note


def _row(moment: Moment, metric: str, pictures: Pictures, note: str) -> Row:
    summary, label = None, f"{metric} {100 * moment.score:.1f}"
    if moment.sequence_score is not None:
        # That of classes is no mean over frames.
        summary = f"{'mean J' if metric == 'J' else metric} {100 * moment.sequence_score:.1f}"
        label = f"frame {moment.t}, {label}"
    return Row(moment.group, moment.name, summary, label, note, pictures)


def _coloured_flow(
    flow: FlowReader, moment: Moment, size: tuple[int, int], square: bool
) -> tuple[np.ndarray | None, str]:
    """The flow's picture, None where the frame has no flow, and what its colours mean."""
    try:
        field, gap = flow.read(moment.name, moment.t)
    except (StoreError, ConfigError) as error:
        log.info("%s frame %d: no flow in the sheet: %s", moment.name, moment.t, error)
        return None, "no flow"
    if square:
        field = central_square(field, axes=(1, 2))
    maximum = colour.robust_maximum(field)
    picture = overlays.scaled(colour.colours(field, maximum), size)
    return picture, f"flow: gap {gap:+d}, rim {maximum:.2g} px"
