"""The flow of one video and gap on its way into a store: `FlowPart`, then `StagedPart`."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from commonfate.storage.flow_info import FlowInfo, sources
from commonfate.storage.quantize import pixels_without_value, quantize
from commonfate.storage.staging import PairFile, Staged, scan


class FlowPart:
    """The flow of one video and gap, as it is written; made by `FlowWriter.part`.

    Attributes:
        info: of the part; its counts are known when the store is made.
    """

    def __init__(
        self, info: FlowInfo, file: PairFile, encode: Callable[[np.ndarray], bytes]
    ) -> None:
        self.info = info
        self._file = file
        self._encode = encode

    @property
    def missing(self) -> list[int]:
        """The t whose pairs are not staged yet, ascending."""
        return [t for t in self.info.sources if t not in self._file]

    def write(self, t: int, steps: np.ndarray, saturated: int = 0) -> None:
        """Encode a pair, in the calling thread, and stage it.

        Several threads may write at once, in any order of t: the bytes of the store are the same.

        Args:
            t: one of `missing`.
            steps: (2, H, W) int16, as `quantize` returns it.
            saturated: pixels, as `quantize` counts them.

        Raises:
            ValueError: t is not missing, or `steps` has another shape or type.
            OSError: the pair could not be written; no part of it is left.
        """
        shape = (2, self.info.height, self.info.width)
        if steps.shape != shape or steps.dtype != np.int16:
            raise ValueError(
                f"{self.info}, frame {t}: {steps.dtype} {steps.shape} instead of int16 {shape}"
            )
        if t not in self.info.sources:
            raise ValueError(f"{self.info}: there is no frame {t}, only {self.info.sources}")
        payload = self._encode(steps)
        self._file.append(int(t), payload, int(saturated), pixels_without_value(steps))

    def add(self, t: int, flow: np.ndarray) -> None:
        """Quantize a pair, then `write` it.

        Args:
            t: one of `missing`.
            flow: (2, H, W) float, pixels; NaN where there is no value.
        """
        if flow.shape != (2, self.info.height, self.info.width):
            size = (2, self.info.height, self.info.width)
            raise ValueError(f"{self.info}, frame {t}: {flow.shape} instead of {size}")
        self.write(t, *quantize(flow, self.info.steps_per_pixel))


@dataclass(frozen=True)
class StagedPart:
    """A complete part.

    Attributes:
        info: with its counts.
        staged: its records.
    """

    info: FlowInfo
    staged: Staged

    def attributes(self) -> dict[str, Any]:
        """Attributes of the info, and the counts of each pair."""
        records = [self.staged.records[t] for t in self.info.sources]
        return {
            **self.info.attributes(),
            "saturated_by_pair": [record.saturated for record in records],
            "invalid_by_pair": [record.invalid for record in records],
        }

    @classmethod
    def complete(cls, path: Path) -> "StagedPart | None":
        """Read a staging file; None where pairs are missing. Payloads are not checked yet."""
        staged = scan(path, verify=False)
        if staged is None or not is_complete(staged):
            return None
        records = staged.records.values()
        counts = {
            "saturated": sum(record.saturated for record in records),
            "invalid": sum(record.invalid for record in records),
        }
        return cls(FlowInfo(**{**staged.part, **counts}), staged)


def is_complete(staged: Staged) -> bool:
    """True if all pairs of a part are staged."""
    return all(t in staged.records for t in sources(staged.part["frames"], staged.part["gap"]))
