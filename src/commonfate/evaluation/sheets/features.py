"""The sheet of a protocol on features: best and worst items, prediction beside truth."""

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from commonfate.evaluation.features.run.outcome import TEXTS, Outcome
from commonfate.evaluation.features.run.record import Probed
from commonfate.evaluation.sheets import layout, pictures, sheet
from commonfate.evaluation.sheets.layout import Row
from commonfate.flow.drawing.review import spread
from commonfate.prediction import maps

ITEMS = 4
"""Number of items shown of either end."""
FRAMES = 2
"""Number of frames shown of a clip."""
Reader = Callable[[str, int], np.ndarray]
"""Frame t of a video, (H, W, 3) uint8 RGB."""


def draw(probed: Probed, frames: Reader, path: Path, scale: str | None = None) -> None:
    """Draw the sheet as PNG, replaced in one step; a caption alone if no item is scored.

    Args:
        probed: the protocol and its scores.
        frames: the scored frames.
        path: of the PNG.
        scale: of the configuration, where the scores are part of a workflow.
    """
    sheet.draw(path, _rows(probed.outcome, frames), caption(probed, scale))


def caption(probed: Probed, scale: str | None = None) -> str:
    """Score, and the protocol in full."""
    outcome = probed.outcome
    value, deviation = (
        values.get(outcome.main) for values in (outcome.result.metrics, outcome.result.spread)
    )
    number = f"{100 * value:.1f}" if value is not None else "none"
    if deviation is not None and len(outcome.result.repeats) > 1:
        number += f" \u00b1 {100 * deviation:.1f} ({len(outcome.result.repeats)} repeats)"
    return "\n".join(
        (
            f"{probed.protocol}, {probed.scoring}: {outcome.main} {number}",
            *([f"scale {scale}"] if scale else []),
            f"{outcome.statement} ({TEXTS[outcome.average]})",
        )
    )


def _rows(outcome: Outcome, frames: Reader) -> list[Row]:
    items = outcome.result.items
    order = sorted(np.flatnonzero(np.isfinite(items)).tolist(), key=lambda i: -items[i])
    return [
        row
        for group, numbers in _groups(outcome, order).items()
        for number in numbers
        for row in _of_item(outcome, int(number), group, frames)
    ]


def _groups(outcome: Outcome, order: Sequence[int]) -> dict[str, list[int]]:
    """Items by heading, from `order`, which begins with the best."""
    if outcome.shows == "classes":  # an image is right or wrong
        right = [number for number in order if outcome.result.items[number]]
        return {"Right": right[:ITEMS], "Wrong": list(order[len(right) :][:ITEMS])}
    best = _of_different_videos(outcome, order, (len(order) + 1) // 2)
    rest = [number for number in order if number not in best]
    worst = _of_different_videos(outcome, rest[::-1], len(rest))[::-1]
    return {f"Highest {outcome.score}": best, f"Lowest {outcome.score}": worst}


def _of_different_videos(outcome: Outcome, order: Sequence[int], most: int) -> list[int]:
    """The first items, at most `ITEMS` and `most`, one a video."""
    by_video: dict[str, int] = {}
    for number in order:
        by_video.setdefault(outcome.frames[number][0][0], number)
    return list(by_video.values())[: min(ITEMS, most)]


def _of_item(outcome: Outcome, number: int, group: str, frames: Reader) -> list[Row]:
    listed = outcome.frames[number]
    value = f"{outcome.score} {100 * float(outcome.result.items[number]):.1f}"
    if outcome.shows == "classes":
        value = f"class {outcome.prediction(number, 0)}"
    rows = []
    for place in _shown(len(listed)):
        video, t = listed[place]
        picture = outcome.picture((video, t), frames(video, t))
        size = layout.picture_size((picture.shape[0], picture.shape[1]))
        drawn = pictures.scaled(picture, size)
        note, shown = _pictures(outcome, number, place, drawn, picture.shape[:2])
        label = value if _is_image(outcome, video) else f"frame {t}, {value}"
        rows.append(Row(group, video, None, label, note, {"frame": drawn, **shown}))
    return rows


def _is_image(outcome: Outcome, video: str) -> bool:
    """True if a video has a single scored frame, its first."""
    return [t for frames in outcome.frames for name, t in frames if name == video] == [0]


def _shown(count: int) -> Sequence[int]:
    return spread(range(count), FRAMES) if count > 1 else [0]


def _pictures(
    outcome: Outcome, number: int, place: int, frame: np.ndarray, size: tuple[int, ...]
) -> tuple[str, dict[str, np.ndarray | None]]:
    """A remark, and pictures of prediction and truth, by column."""
    predicted = outcome.prediction(number, place)
    true = outcome.truth(outcome.frames[number][place])
    if isinstance(predicted, str) or isinstance(true, str):
        return "" if predicted == true else f"truth: {true}", {}
    if outcome.shows == "boxes":
        scale = np.array([frame.shape[1] / size[1], frame.shape[0] / size[0]] * 2)
        ours = boxed(frame, predicted[None] * scale, pictures.PREDICTED)
        return "", {"box": ours, "true boxes": boxed(frame, true * scale, pictures.TRUE)}
    palette = maps.voc_palette()
    ours, theirs = (
        pictures.coloured(frame, pictures.labels_scaled(labels, frame.shape[:2]), palette)
        for labels in (predicted, true)
    )
    return "", {"prediction": ours, "ground truth": theirs}


def boxed(frame: np.ndarray, boxes: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Draw boxes (m, 4), x0, y0, x1, y1 in pixels of the frame, on a copy of it."""
    picture = frame.copy()
    for x0, y0, x1, y1 in boxes.round().astype(int).tolist():
        cv2.rectangle(picture, (x0, y0), (x1 - 1, y1 - 1), colour, pictures.LINE)
    return picture
