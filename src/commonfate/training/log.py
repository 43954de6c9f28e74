"""The training log: `metrics.jsonl`, a line every few iterations."""

import json
import logging
import math
import os
import time
from pathlib import Path
from typing import Any

from commonfate.base.errors import StoreError

log = logging.getLogger(__name__)
SECONDS_BETWEEN_LINES = 15.0


class MetricsLog:
    """Writes means over the iterations since the line before.

    Its `state` goes into the checkpoint: the length of the file and the sums begun. A resumed run
    cuts the file to that length, so the log is that of an unbroken run.
    """

    def __init__(self, path: Path, every: int) -> None:
        self._path = path
        self._every = every
        self._sums: dict[str, float] = {}
        self._count = 0
        self._logged_at = -math.inf
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab")

    def add(self, iteration: int, values: dict[str, float], last: bool, **details: Any) -> None:
        """Count one iteration in, and write a line when it is time.

        Args:
            iteration: number of iterations done, this one included.
            values: numbers to average.
            last: no iteration follows.
            details: of this iteration, for the line, beside the means.
        """
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._count += 1
        if iteration % self._every == 0 or last:
            means = {name: total / self._count for name, total in self._sums.items()}
            self.write({"iteration": iteration, **means, **details})
            self._report(iteration, means)
            self._sums, self._count = {}, 0

    def write(self, line: dict[str, Any]) -> None:
        """Write a line."""
        # JSON has no infinity; a gradient that overflowed 16 bits is the one legitimate case.
        valid = {
            key: None if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in line.items()
        }
        self._file.write(json.dumps(valid, allow_nan=False).encode() + b"\n")
        self._file.flush()

    def _report(self, iteration: int, means: dict[str, float]) -> None:
        now = time.monotonic()
        if now - self._logged_at >= SECONDS_BETWEEN_LINES:
            shown = ", ".join(f"{name} {value:.4g}" for name, value in means.items())
            log.info("iteration %d: %s", iteration, shown)
            self._logged_at = now

    def state(self) -> dict[str, Any]:
        """Flush to disk; the state that a resumed run needs."""
        self._file.flush()
        os.fsync(self._file.fileno())
        return {"bytes": self._file.tell(), "sums": dict(self._sums), "count": self._count}

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to the moment of `state`.

        Raises:
            StoreError: the file is shorter than it was then.
        """
        length = self._path.stat().st_size
        if length < state["bytes"]:
            raise StoreError(
                f"{self._path}: has {length} of {state['bytes']} bytes; delete the run's folder "
                "and train again"
            )
        self._file.truncate(state["bytes"])
        self._file.seek(0, os.SEEK_END)
        self._sums, self._count = dict(state["sums"]), state["count"]

    def __enter__(self) -> "MetricsLog":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
