"""End-point error of flow against the truth, by true magnitude and visibility.

Errors are kept as counts and sums, so that parts of a dataset add up to the whole.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

EDGES = (1.0, 2.0, 4.0, 8.0, 16.0)
RANGES = ("0-1", "1-2", "2-4", "4-8", "8-16", "over 16")
"""Ranges of the true magnitude in pixels; each includes its lower edge."""
HIDDEN, VISIBLE = 0, 1


@dataclass(frozen=True)
class Errors:
    """Counts and sums over pixels, each (6, 2): by range of magnitude, then hidden and visible.

    Attributes:
        pixels: int64, all pixels.
        valid: int64, pixels with a value; the sums below leave out the others.
        error: float64, sum of the end-point errors, pixels.
        outliers: int64, pixels whose error is above 3 px and above 5 % of the true magnitude
            (Menze and Geiger, "Object Scene Flow for Autonomous Vehicles", CVPR 2015).
    """

    pixels: np.ndarray
    valid: np.ndarray
    error: np.ndarray
    outliers: np.ndarray

    def __add__(self, other: "Errors") -> "Errors":
        sums = (getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__)
        return Errors(*sums)

    def to_json(self) -> dict[str, Any]:
        """The numbers as nested lists."""
        return {name: getattr(self, name).tolist() for name in self.__dataclass_fields__}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Errors":
        """The inverse of `to_json`."""
        return cls(**{name: np.asarray(values[name]) for name in cls.__dataclass_fields__})

    def epe(self, where: Any = np.s_[:]) -> float | None:
        """Mean end-point error in pixels; None where no pixel has a value.

        Args:
            where: index by range and visibility, e.g. `np.s_[0]` or `np.s_[:, VISIBLE]`.
        """
        return ratio(self.error[where], self.valid[where])

    def outlier_rate(self) -> float | None:
        """Fl-all: share of outliers among the pixels with a value."""
        return ratio(self.outliers, self.valid)


def ratio(part: Any, whole: Any) -> float | None:
    """Sum of the part over the sum of the whole; None if the latter is 0."""
    total = np.sum(whole)
    return float(np.sum(part) / total) if total else None


NONE = Errors(*(np.zeros((len(RANGES), 2), kind) for kind in (int, int, float, int)))
"""Errors of no pixels, to start sums from."""


def measure(flow: np.ndarray, truth: np.ndarray, visible: np.ndarray) -> Errors:
    """Compare a flow field with the truth.

    Args:
        flow: (2, H, W) float, u then v, pixels; NaN where it has no value.
        truth: (2, H, W) float, known everywhere.
        visible: (H, W) bool, True where the point at a pixel is visible in the other frame, too.

    Raises:
        ValueError: the sizes differ.
    """
    if flow.shape != truth.shape or truth.shape[1:] != visible.shape:
        raise ValueError(f"sizes differ: {flow.shape}, {truth.shape}, {visible.shape}")
    truth = truth.astype(np.float64)
    magnitude = np.hypot(*truth)
    error = np.hypot(*(flow - truth))
    valid = np.isfinite(error)
    error = np.where(valid, error, 0)
    outlier = (error > 3) & (error > 0.05 * magnitude)
    kinds = (np.digitize(magnitude, EDGES) * 2 + visible).ravel()

    def count(values: np.ndarray) -> np.ndarray:
        sums = np.bincount(kinds, values.ravel(), 2 * len(RANGES)).reshape(-1, 2)
        return sums if values.dtype == float else sums.astype(np.int64)

    return Errors(count(np.ones_like(valid)), count(valid), count(error), count(outlier))
