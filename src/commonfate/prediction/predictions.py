"""Folders of predictions that `commonfate predict` wrote."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from commonfate.base.errors import StoreError
from commonfate.prediction import maps

PASSED_ON = (
    "run",
    "method",
    "description",
    "checkpoint",
    "checkpoint_looks_at_ground_truth",
    "iteration",
    "split",
    "seconds_per_frame",
    "adapt_steps",
    "adaptation",
    "seed",
    "crf",
    "resolution",
    "crop",
)
"""Keys of predictions.json that scores repeat."""


@dataclass(frozen=True)
class Predictions:
    """A folder of predictions.

    Attributes:
        path: its predictions.json.
        metadata: its content.
    """

    path: Path
    metadata: dict[str, Any]

    @classmethod
    def open(cls, path: str | Path) -> "Predictions":
        """Read predictions.json.

        Raises:
            StoreError: the file is missing or not what `commonfate predict` writes.
        """
        path = Path(path)
        try:
            metadata = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise StoreError(f"{path}: no such file; run commonfate predict first") from None
        except (OSError, ValueError) as error:
            raise StoreError(
                f"{path}: cannot be read as JSON ({error}); run commonfate predict again"
            ) from error
        needed = {*PASSED_ON, "segments", "soft"}
        if not isinstance(metadata, dict) or not needed <= metadata.keys():
            raise StoreError(f"{path}: is not a predictions.json; run commonfate predict again")
        return cls(path, metadata)

    def read(self, segments: str, video: str, t: int, size: tuple[int, int]) -> np.ndarray:
        """Label map of one frame, see `maps.read_labels`; `components` or `groups`."""
        path = self.path.parent / segments / video / f"{t:05d}.png"
        return maps.read_labels(path, self.metadata["segments"][segments], size)

    @property
    def soft(self) -> bool:
        """True if there is a folder `foreground`: every frame has two groups."""
        return self.metadata["soft"]

    def read_soft(self, video: str, t: int, size: tuple[int, int]) -> np.ndarray:
        """Probability of group 1 in one frame, (H, W) uint8, steps of 1/255."""
        return maps.read_probability(self.path.parent / "foreground" / video / f"{t:05d}.png", size)
