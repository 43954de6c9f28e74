"""A contact sheet: what went in, what came out and the truth, side by side for a few frames."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from commonfate.evaluation import annotations, label_maps
from commonfate.evaluation.benchmark import AnnotatedVideo
from commonfate.evaluation.predictions import Predictions
from commonfate.evaluation.stores import Frames
from commonfate.files import replacing

CELL_WIDTH = 300
GAP = 6
LEFT = 96
LINE = 20
OUTLINE = (255, 64, 32)
FADE = 0.45


@dataclass(frozen=True)
class Column:
    """One frame of the sheet: its title and its pictures, (H, W, 3) uint8, by the row's name."""

    title: str
    pictures: dict[str, np.ndarray]


def outlined(frame: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Darken what is outside a mask and draw its outline.

    Args:
        frame: (h, w, 3) uint8, RGB; resized to the mask if of another size.
        mask: (H, W) bool.

    Returns:
        (H, W, 3) uint8.
    """
    height, width = mask.shape
    picture = cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)
    picture = np.where(mask[..., None], picture, picture * FADE).astype(np.uint8)
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    # About two pixels wide in the sheet, whatever the size of the mask.
    return cv2.drawContours(picture, contours, -1, OUTLINE, max(1, round(2 * width / CELL_WIDTH)))


def coloured(labels: np.ndarray) -> np.ndarray:
    """Labels, (H, W) uint8, in the palette of the label maps: (H, W, 3) uint8."""
    return label_maps.palette()[labels]


def draw(path: str | Path, columns: Sequence[Column], caption: str) -> None:
    """Draw a sheet as PNG.

    Args:
        path: file, replaced in one step.
        columns: frames from left to right, at least one; a picture that a column lacks is blank.
        caption: a line above the sheet.
    """
    rows = list(dict.fromkeys(name for column in columns for name in column.pictures))
    shapes = [picture.shape for column in columns for picture in column.pictures.values()]
    cell_height = round(CELL_WIDTH * max(height / width for height, width, _ in shapes))
    width = LEFT + len(columns) * (CELL_WIDTH + GAP)
    height = 2 * (LINE + GAP) + len(rows) * (cell_height + GAP)
    sheet = Image.new("RGB", (width, height), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=14)
    pen.text((GAP, GAP), caption, "black", font)
    for x, column in enumerate(columns):
        left = LEFT + x * (CELL_WIDTH + GAP)
        pen.text((left, LINE + GAP), column.title, "black", font)
        for y, name in enumerate(rows):
            top = 2 * (LINE + GAP) + y * (cell_height + GAP)
            if x == 0:
                pen.text((GAP, top + cell_height // 2 - LINE // 2), name, "black", font)
            if name in column.pictures:
                picture = _fitted(column.pictures[name], cell_height)
                sheet.paste(picture, (left, top + (cell_height - picture.height) // 2))
    with replacing(path) as temporary:
        sheet.save(temporary, format="PNG")


def of_evaluation(
    scores: Mapping[str, Any],
    predictions: Predictions,
    videos: Sequence[AnnotatedVideo],
    frames: Frames,
    masks: Path,
) -> list[Column]:
    """Columns for the sequences of highest and lowest J, three scored frames of each.

    Args:
        scores: what `score.evaluate` returned.
        predictions: what was scored.
        videos: the benchmark's videos.
        frames: their frames.
        masks: folder of the foreground masks that `score.evaluate` wrote.
    """
    ranked = sorted(scores["sequences"], key=lambda name: -scores["sequences"][name]["J_mean"])
    by_name = {video.name: video for video in videos}
    columns = []
    for name in dict.fromkeys((ranked[0], ranked[-1])):
        scored = scores["sequences"][name]["frames"]
        for key in _spread(sorted(scored)):
            pictures = _pictures(by_name[name], int(key), predictions, frames, masks)
            columns.append(Column(f"{name} {key}: J {100 * scored[key]:.1f}", pictures))
    return columns


def _pictures(
    video: AnnotatedVideo, t: int, predictions: Predictions, frames: Frames, masks: Path
) -> dict[str, np.ndarray]:
    frame = frames.read(video.name, t)
    truth, _ = annotations.read(video.annotations[t], video.kind)
    with Image.open(masks / video.name / f"{t:05d}.png") as image:
        mask = np.asarray(image) > 0
    components = predictions.read("components", video.name, t, truth.shape)
    return {
        "frame": frame,
        "components": coloured(components),
        "foreground": outlined(frame, mask),
        "truth": outlined(frame, truth),
    }


def _spread(keys: Sequence[str]) -> list[str]:
    """Up to three keys from the start, the middle and the end, but not at the very ends."""
    return list(dict.fromkeys(keys[int(share * len(keys))] for share in (1 / 6, 1 / 2, 5 / 6)))


def _fitted(picture: np.ndarray, cell_height: int) -> Image.Image:
    """Resize a picture to the width of a cell, or to its height where that is less."""
    height, width, _ = picture.shape
    scale = min(CELL_WIDTH / width, cell_height / height)
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    return Image.fromarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))
