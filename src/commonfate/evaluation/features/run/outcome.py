"""Scores of a protocol with what its files and pictures need."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from commonfate.evaluation.features.result import Result
from commonfate.evaluation.features.run.parts import Item

Average = Literal["pooled", "frame", "clip", "object"]
TEXTS: dict[Average, str] = {
    "pooled": "pixels of all images are counted together",
    "frame": "mean over images",
    "clip": "mean over clips",
    "object": "mean over objects",
}


@dataclass(frozen=True)
class Outcome:
    """A result and its items.

    Attributes:
        result: scores; an item of it may be several frames.
        frames: scored frames of each item of the result.
        score: name of the items' score, e.g. `overlap`.
        main: name of the metric that counts.
        average: mean that makes one number of the items.
        statement: the whole protocol in a sentence or two.
        shows: what the predictions are: label maps, boxes or classes of images.
        truth: of a frame: label map, boxes (m, 4), or label.
        picture: a frame, (H, W, 3) uint8, as it lies under prediction and truth.
        class_names: of images; empty where classes are numbers.
    """

    result: Result
    frames: list[list[Item]]
    score: str
    main: str
    average: Average
    statement: str
    shows: Literal["maps", "boxes", "classes"]
    truth: Callable[[Item], np.ndarray | str]
    picture: Callable[[Item, np.ndarray], np.ndarray]
    class_names: tuple[str, ...] = ()

    def prediction(self, item: int, place: int) -> np.ndarray | str:
        """Prediction for a frame of an item: label map (h, w), box (4,), or name of the class."""
        predicted = self.result.predictions[item]
        if self.shows == "classes":
            number = int(predicted)
            return self.class_names[number] if number >= 0 else "none"
        if self.shows == "maps" and predicted.ndim == 3:
            return np.asarray(predicted[place])
        return np.asarray(predicted)

    @property
    def values(self) -> dict[Item, float]:
        """Score of each frame that counts; frames of an item share its score."""
        return {
            frame: float(value)
            for value, frames in zip(self.result.items, self.frames, strict=True)
            if np.isfinite(value)
            for frame in frames
        }
