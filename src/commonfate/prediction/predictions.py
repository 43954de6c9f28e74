"""Reading what `commonfate predict` wrote."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from commonfate.base.errors import StoreError
from commonfate.prediction import label_maps, soft_maps

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
"""What scores repeat from predictions.json."""


@dataclass(frozen=True)
class Predictions:
    """A folder of predictions.

    Attributes:
        path: its predictions.json.
        facts: what this file holds.
    """

    path: Path
    facts: dict[str, Any]

    @classmethod
    def open(cls, path: str | Path) -> "Predictions":
        """Read predictions.json.

        Raises:
            StoreError: the file is missing or not what `commonfate predict` writes.
        """
        path = Path(path)
        try:
            facts = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise StoreError(f"{path}: no such file; run commonfate predict first") from None
        except (OSError, ValueError) as error:
            raise StoreError(
                f"{path}: cannot be read as JSON ({error}); run commonfate predict again"
            ) from error
        needed = {*PASSED_ON, "segments", "soft"}
        if not isinstance(facts, dict) or not needed <= facts.keys():
            raise StoreError(f"{path}: is not a predictions.json; run commonfate predict again")
        return cls(path, facts)

    def read(self, segments: str, video: str, t: int, size: tuple[int, int]) -> np.ndarray:
        """Label map of one frame, see `label_maps.read`; `components` or `groups`."""
        path = self.path.parent / segments / video / f"{t:05d}.png"
        return label_maps.read(path, self.facts["segments"][segments], size)

    @property
    def soft(self) -> bool:
        """Whether there is a folder `foreground`: where there are two groups in every frame."""
        return self.facts["soft"]

    def read_soft(self, video: str, t: int, size: tuple[int, int]) -> np.ndarray:
        """Probability of group 1 in one frame, (H, W) uint8, steps of 1/255, see `soft_maps`."""
        return soft_maps.read(self.path.parent / "foreground" / video / f"{t:05d}.png", size)
