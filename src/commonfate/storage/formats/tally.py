"""Counts of a conversion."""

from dataclasses import dataclass, field

import numpy as np

from commonfate.storage.quantize import LARGEST, dequantize


@dataclass
class Tally:
    """What happened.

    Attributes:
        parts: videos and gaps that are in the output and have pairs.
        pairs: of these, converted by this run, without those that a run before it converted.
        pixels: of these pairs.
        invalid: pixels of which a component has no value.
        lost: pixels that had a value which the output cannot hold.
        values: components whose error was measured.
        error_sum: sum of their errors by quantization, pixels.
        error_largest: largest of them, pixels.
        left_out: why, by video and gap.
    """

    parts: int = 0
    pairs: int = 0
    pixels: int = 0
    invalid: int = 0
    lost: int = 0
    values: int = 0
    error_sum: float = 0.0
    error_largest: float = 0.0
    left_out: dict[tuple[str, int], str] = field(default_factory=dict)

    @classmethod
    def of(cls, flow: np.ndarray, lost: int) -> "Tally":
        """A pair, (2, H, W) float32, of which `lost` pixels do not fit the output."""
        invalid = int((~np.isfinite(flow)).any(axis=0).sum())
        return cls(pairs=1, pixels=flow[0].size, invalid=invalid, lost=lost)

    def measure(self, flow: np.ndarray, steps: np.ndarray, steps_per_pixel: int) -> None:
        """Add the errors of values that were rounded, without those that saturated.

        Args:
            flow: (2, H, W) float32, pixels.
            steps: the same, as `quantize` returns it.
            steps_per_pixel: as given to it.
        """
        error = np.abs(flow - dequantize(steps, steps_per_pixel))
        error = error[np.isfinite(error) & (np.abs(steps) != LARGEST)]
        self.values += error.size
        self.error_sum += float(error.sum(dtype=np.float64))
        self.error_largest = max(self.error_largest, float(error.max(initial=0)))

    def add(self, other: "Tally") -> None:
        """Add the counts of another."""
        for name in ("parts", "pairs", "pixels", "invalid", "lost", "values", "error_sum"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.error_largest = max(self.error_largest, other.error_largest)
        self.left_out |= other.left_out
