"""What the pictures of a sheet show of one scored frame: segments and foreground, or classes."""

from pathlib import Path

import numpy as np
from PIL import Image

from commonfate.datasets import annotations
from commonfate.evaluation.semantic import score as semantic
from commonfate.evaluation.sheets import overlays
from commonfate.prediction import maps
from commonfate.prediction.benchmark import AnnotatedVideo, central_square
from commonfate.prediction.predictions import Predictions

Pictures = dict[str, np.ndarray | None]
"""(h, w, 3) uint8 by column, from left to right; None where there is none."""


def foreground(
    predictions: Predictions, video: AnnotatedVideo, t: int, frame: np.ndarray, masks: Path
) -> Pictures:
    """Components, the foreground and the true one.

    Args:
        predictions: what was scored.
        video: the video.
        t: the frame's number.
        frame: (h, w, 3) uint8, RGB, of the size of the pictures.
        masks: folder of the foreground masks that `score.evaluate` wrote.
    """
    truth, void = annotations.read(video.annotations[t], video.kind)
    if predictions.metadata["crop"] == "square":
        truth, void = central_square(truth), central_square(void)
    with Image.open(masks / video.name / f"{t:05d}.png") as image:
        mask = np.asarray(image) > 0
    labels = predictions.read("components", video.name, t, truth.shape)
    mask, truth, void, labels = (
        overlays.labels_scaled(one, frame.shape[:2]) for one in (mask, truth, void, labels)
    )
    return {
        f"{predictions.metadata['segments']['components']} components": overlays.coloured(
            frame, labels
        ),
        "foreground": overlays.outlined(frame, mask),
        "ground truth": overlays.outlined(frame, truth, overlays.TRUE, void),
    }


def classes(
    predictions: Predictions, video: AnnotatedVideo, t: int, frame: np.ndarray, masks: Path
) -> Pictures:
    """Predicted and true classes, in the colours of PASCAL VOC.

    Args: as for `foreground`; `masks` are the label maps that `semantic.evaluate` wrote.
    """
    truth = semantic.read_truth(video.annotations[t], predictions.metadata["crop"])
    with Image.open(masks / video.name / f"{t:05d}.png") as image:
        labels = np.asarray(image)
    colours = maps.voc_palette()
    predicted, true = (
        overlays.coloured(frame, overlays.labels_scaled(one, frame.shape[:2]), colours)
        for one in (labels, truth)
    )
    return {"predicted classes": predicted, "ground truth": true}
