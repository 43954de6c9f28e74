"""A sheet of what went in, what came out and the truth, for the best and the worst of a benchmark.

A row is a frame: the frame, its flow, the components, the foreground, the ground truth.
"""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image

from commonfate.errors import StoreError
from commonfate.evaluation import annotations, overlays, sheet_layout, showcase
from commonfate.evaluation.benchmark import AnnotatedVideo
from commonfate.evaluation.crop import central_square
from commonfate.evaluation.predictions import Predictions
from commonfate.evaluation.sheet_layout import Row
from commonfate.evaluation.showcase import Moment
from commonfate.evaluation.stores import Frames
from commonfate.files import replacing
from commonfate.flow import colour

log = logging.getLogger(__name__)


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
    """Rows for the sequences of highest and of lowest J, see `showcase.moments`.

    Args:
        scores: what `score.evaluate` returned.
        predictions: what was scored.
        videos: the benchmark's videos.
        frames: their frames.
        masks: folder of the foreground masks that `score.evaluate` wrote.
        flow: their flow; a frame without any gets a blank picture.
    """
    by_name = {video.name: video for video in videos}
    return [
        _row(moment, by_name[moment.name], predictions, frames, masks, flow)
        for moment in showcase.moments(scores["sequences"])
    ]


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
        scores: what `score.evaluate` returned.
        scale: of the configuration, where the evaluation is part of a workflow.
    """
    looked = [
        what for what in ("checkpoint", "foreground") if scores[f"{what}_looks_at_ground_truth"]
    ]
    images = scores["n_sequences"] == scores["n_frames"]
    count = f"{scores['n_frames']} {'images' if images else 'frames'}"
    parts = [
        f"scale {scale}" if scale else "",
        f"split {scores['split']}",
        f"protocol {scores['protocol']} (mean over {scores['average']}s)",
        f"foreground {scores['foreground']}",
        f"checkpoint {scores['checkpoint']}" if scores["run"] else "",
        f"{steps} steps of adaptation" if (steps := scores["adapt_steps"]) else "",
        "CRF" if scores["crf"] else "",
    ]
    return "\n".join(
        (
            f"{scores['run'] or scores['method']}: J {100 * scores['J']:.1f} of "
            + (count if images else f"{scores['n_sequences']} sequences, {count}"),
            "; ".join(part for part in parts if part),
            f"{' and '.join(looked)} chosen by looking at the ground truth"
            if looked
            else "no choice was made by looking at the ground truth",
        )
    )


def _row(
    moment: Moment,
    video: AnnotatedVideo,
    predictions: Predictions,
    frames: Frames,
    masks: Path,
    flow: FlowReader | None,
) -> Row:
    square = predictions.facts["crop"] == "square"
    frame = frames.read(video.name, moment.t)
    truth, void = annotations.read(video.annotations[moment.t], video.kind)
    if square:
        frame, truth, void = (central_square(one) for one in (frame, truth, void))
    with Image.open(masks / video.name / f"{moment.t:05d}.png") as image:
        mask = np.asarray(image) > 0
    labels = predictions.read("components", video.name, moment.t, truth.shape)
    size = sheet_layout.picture_size((frame.shape[0], frame.shape[1]))
    frame = overlays.scaled(frame, size)
    mask, truth, void, labels = (
        overlays.labels_scaled(one, size) for one in (mask, truth, void, labels)
    )
    pictures: dict[str, np.ndarray | None] = {"frame": frame}
    note = ""
    if flow is not None:
        pictures["flow"], note = _coloured_flow(flow, moment, size, square)
    pictures |= {
        f"{predictions.facts['segments']['components']} components": overlays.coloured(
            frame, labels
        ),
        "foreground": overlays.outlined(frame, mask),
        "ground truth": overlays.outlined(frame, truth, overlays.TRUE, void),
    }
    return Row(
        group=moment.group,
        name=moment.name,
        summary=None if moment.sequence_j is None else f"mean J {100 * moment.sequence_j:.1f}",
        label=("" if moment.sequence_j is None else f"frame {moment.t}, ")
        + f"J {100 * moment.j:.1f}",
        note=note,
        pictures=pictures,
    )


def _coloured_flow(
    flow: FlowReader, moment: Moment, size: tuple[int, int], square: bool
) -> tuple[np.ndarray | None, str]:
    """The flow's picture, None where the frame has no flow, and what its colours mean."""
    try:
        field, gap = flow.read(moment.name, moment.t)
    except StoreError as error:
        log.info("%s frame %d: no flow in the sheet: %s", moment.name, moment.t, error)
        return None, "no flow"
    if square:
        field = central_square(field, axes=(1, 2))
    maximum = colour.robust_maximum(field)
    picture = overlays.scaled(colour.colours(field, maximum), size)
    return picture, f"flow: gap {gap:+d}, rim {maximum:.2g} px"
