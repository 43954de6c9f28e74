"""Pictures of a sheet: masks and label maps drawn over a frame, beside the ground truth.

Colours are Okabe and Ito's, which colour-blind readers tell apart, too.
"""

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from commonfate.evaluation.kinds.base import Pictures
from commonfate.evaluation.masks import score as masks_score
from commonfate.evaluation.semantic import score as semantic
from commonfate.prediction import maps
from commonfate.prediction.benchmark import AnnotatedVideo
from commonfate.prediction.predictions import Predictions

PREDICTED = (213, 94, 0)
"""Outline of a prediction: vermilion."""
TRUE = (86, 180, 233)
"""Outline of the ground truth: sky blue."""
VOID = (235, 235, 235)
LINE = 3
"""Width of an outline; the sheet shrinks it to half."""
FADE = 0.45
"""Brightness outside a mask."""
TINT = 0.55
"""Share of a segment's colour in its tint."""
LIFT = 0.35
"""Grey added below a tint, so that colours differ in a dark frame, too."""


def foreground(
    predictions: Predictions, video: AnnotatedVideo, t: int, frame: np.ndarray, masks: Path
) -> Pictures:
    """Components, the foreground and the true one.

    Args:
        predictions: the predictions that were scored.
        video: the video.
        t: the frame's number.
        frame: (h, w, 3) uint8, RGB, of the size of the pictures.
        masks: folder of the foreground masks that `score.evaluate` wrote.
    """
    crop = predictions.metadata["crop"]
    truth, void = masks_score.read_truth(video.annotations[t], video.kind, crop)
    with Image.open(masks / video.name / f"{t:05d}.png") as image:
        mask = np.asarray(image) > 0
    labels = predictions.read("components", video.name, t, truth.shape)
    mask, truth, void, labels = (
        labels_scaled(image, frame.shape[:2]) for image in (mask, truth, void, labels)
    )
    return {
        f"{predictions.metadata['segments']['components']} components": coloured(frame, labels),
        "foreground": outlined(frame, mask),
        "ground truth": outlined(frame, truth, TRUE, void),
    }


def classes(
    predictions: Predictions, video: AnnotatedVideo, t: int, frame: np.ndarray, masks: Path
) -> Pictures:
    """Predicted and true classes, in the colours of PASCAL VOC.

    Args: as for `foreground`; `masks` are the label maps that `semantic.evaluate` wrote.
    """
    truth = semantic.read_truth(video.annotations[t], video.kind, predictions.metadata["crop"])
    with Image.open(masks / video.name / f"{t:05d}.png") as image:
        labels = np.asarray(image)
    palette = maps.voc_palette()
    predicted, true = (
        coloured(frame, labels_scaled(image, frame.shape[:2]), palette) for image in (labels, truth)
    )
    return {"predicted classes": predicted, "ground truth": true}


def scaled(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize a frame: smoothed where it shrinks, bicubic where it grows.

    Args:
        picture: (H, W, 3) uint8, RGB.
        size: height h and width w of the result.

    Returns:
        (h, w, 3) uint8.
    """
    shrinks = size[0] < picture.shape[0]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return cv2.resize(picture, size[::-1], interpolation=method)


def labels_scaled(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize labels or a mask, (H, W) uint8 or bool, to the nearest neighbour: (h, w)."""
    resized = cv2.resize(labels.astype(np.uint8), size[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
    return resized.astype(labels.dtype)


def outlined(
    frame: np.ndarray,
    mask: np.ndarray,
    colour: tuple[int, int, int] = PREDICTED,
    void: np.ndarray | None = None,
) -> np.ndarray:
    """Show the inside of a mask in colour and the rest dark and grey, with an outline between.

    Args:
        frame: (H, W, 3) uint8, RGB.
        mask: (H, W) bool.
        colour: of the outline.
        void: (H, W) bool, drawn pale: pixels that do not count.

    Returns:
        (H, W, 3) uint8.
    """
    outside = (FADE * _grey(frame)).astype(np.uint8)
    picture = np.where(mask[..., None], frame, outside)
    if void is not None:
        picture[void] = (0.5 * picture[void] + 0.5 * np.array(VOID)).astype(np.uint8)
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(np.ascontiguousarray(picture), contours, -1, colour, LINE)


def coloured(
    frame: np.ndarray, labels: np.ndarray, palette: np.ndarray | None = None
) -> np.ndarray:
    """Tint each segment in a colour of its own; the frame shows through in grey.

    Args:
        frame: (H, W, 3) uint8, RGB.
        labels: (H, W) uint8; a label has the same colour in every frame.
        palette: (256, 3) uint8, one colour a label; None is `colours`.

    Returns:
        (H, W, 3) uint8.
    """
    grey = 255 * LIFT + (1 - LIFT) * _grey(frame)
    tints = (colours() if palette is None else palette)[labels]
    return ((1 - TINT) * grey + TINT * tints).astype(np.uint8)


def colours() -> np.ndarray:
    """(256, 3) uint8: the palette of the label maps, whose black comes last here."""
    return np.roll(maps.palette(), -1, axis=0)


def _grey(frame: np.ndarray) -> np.ndarray:
    """(H, W, 1) uint8: brightness."""
    return cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)[..., None]
