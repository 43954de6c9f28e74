"""Files of a segmented video: masks, a film, a sheet, and a JSON of boxes and run lengths."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from commonfate.base import files
from commonfate.flow.drawing import animation, review
from commonfate.foreground import objects
from commonfate.prediction import maps

MASKS, FILM, SHEET, JSON = "masks", "overlay.mp4", "sheet.jpg", "segmentation.json"
FOREGROUND = 128
"""Level of grey from which on a pixel is foreground, of 255."""
TINT = 0.45
"""Share of an object's colour in the overlay."""
LONGEST = 1280
"""Longest side of the film's pictures, pixels."""
COLUMNS, ROWS, WIDTH = 4, 3, 320
"""Pictures of the sheet, and the width of each."""

Read = Callable[[int], np.ndarray]
"""Frame t: (H, W, 3) uint8, RGB."""


def write(
    folder: Path,
    frame: Read,
    labels: Iterable[np.ndarray],
    count: int,
    fps: float,
    film: bool,
    about: dict[str, Any],
) -> None:
    """Write all files of a video.

    Args:
        folder: existing folder.
        frame: of the video.
        labels: (H, W) uint8 of each frame, of the frame's size, 0 is background.
        count: number of frames.
        fps: of the film.
        film: write it, too.
        about: head of the JSON.
    """
    shown = set(review.spread(range(count), COLUMNS * ROWS))
    pictures: list[np.ndarray] = []
    frames: list[dict[str, Any]] = []

    def drawn() -> Iterator[np.ndarray]:
        for t, image in enumerate(labels):
            maps.write_labels(folder / MASKS / f"{t:05d}.png", image, maps.voc_palette())
            frames.append({"frame": t, "objects": described(image)})
            if not (film or t in shown):
                continue
            picture = overlay(frame(t), image)
            if t in shown:
                pictures.append(_scaled(picture, WIDTH / picture.shape[1]))
            yield _scaled(picture, min(1.0, LONGEST / max(picture.shape[:2])))

    if film:
        animation.write(folder / FILM, drawn(), fps, "mp4")
    else:
        for _ in drawn():
            pass
    Image.fromarray(sheet(pictures)).save(folder / SHEET, quality=90)
    # A number a line, as elsewhere, would be a thousand lines a frame.
    files.write_text(folder / JSON, json.dumps({**about, "frames": frames}, allow_nan=False))


def described(labels: np.ndarray) -> list[dict[str, Any]]:
    """Each object of a label map: its label, area, box and run lengths, as COCO has them.

    Args:
        labels: (H, W) uint8, 0 is background.

    Returns:
        By label: `label`, `area` in pixels, `bbox` as [x, y, width, height], and `segmentation`,
        uncompressed run lengths, column by column, that begin with the background.
    """
    objects = []
    for label in np.unique(labels[labels > 0]).tolist():
        mask = labels == label
        rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
        box = [columns[0], rows[0], np.ptp(columns) + 1, np.ptp(rows) + 1]
        flat = mask.ravel(order="F")
        changes = np.flatnonzero(np.diff(flat, prepend=False, append=not flat[-1]))
        counts = np.diff(changes, prepend=0).tolist()
        objects.append(
            {
                "label": label,
                "area": int(mask.sum()),
                "bbox": [int(value) for value in box],
                "segmentation": {"size": list(labels.shape), "counts": counts},
            }
        )
    return objects


def overlay(frame: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Tint the objects of a frame, with an outline.

    Args:
        frame: (H, W, 3) uint8, RGB.
        labels: (H, W) uint8, 0 is background.

    Returns:
        (H, W, 3) uint8.
    """
    colours = maps.palette()[labels]
    inside = labels[..., None] > 0
    tinted = np.where(inside, (1 - TINT) * frame + TINT * colours, frame).astype(np.uint8)
    thickness = max(1, round(min(labels.shape) / 240))
    kernel = np.ones((2 * thickness + 1,) * 2, np.uint8)
    outline = cv2.morphologyEx(labels, cv2.MORPH_GRADIENT, kernel) > 0
    tinted[outline & (labels > 0)] = maps.palette()[labels[outline & (labels > 0)]]
    return tinted


def sheet(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Pictures of one size (h, w, 3), side by side in rows: (H, W, 3) uint8, white where none."""
    height, width = pictures[0].shape[:2]
    columns = min(COLUMNS, len(pictures))
    rows = -(-len(pictures) // columns)
    canvas = np.full((rows, columns, height, width, 3), 255, np.uint8)
    for number, picture in enumerate(pictures):
        canvas[divmod(number, columns)] = picture
    return canvas.transpose(0, 2, 1, 3, 4).reshape(rows * height, columns * width, 3)


def _scaled(picture: np.ndarray, scale: float) -> np.ndarray:
    if scale == 1:
        return picture
    height, width = (max(1, round(side * scale)) for side in picture.shape[:2])
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)


def label_maps(
    masks: np.ndarray, parts: Sequence[range], size: tuple[int, int], many: bool
) -> Iterator[np.ndarray]:
    """Label maps of every frame, (H, W) uint8, at the video's size.

    Args:
        masks: (T, h, w) uint8, levels of grey, of which those from `FOREGROUND` on are foreground.
        parts: frames that were segmented together.
        size: height and width of the video.
        many: objects that never touch within a part have labels of their own.
    """
    for part in parts:
        levels = masks[part.start : part.stop]
        of_objects = objects.instances(levels >= FOREGROUND) if many else None
        for t, level in enumerate(levels):
            large = cv2.resize(level, size[::-1], interpolation=cv2.INTER_LINEAR)
            mask = large >= FOREGROUND
            if of_objects is None:
                yield mask.astype(np.uint8)
            else:
                yield mask * _nearest(of_objects[t], size)


def _nearest(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Labels at another size; pixels beside an object have its label, too."""
    grown = np.where(labels > 0, labels, cv2.dilate(labels, np.ones((3, 3), np.uint8)))
    return cv2.resize(grown, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
