"""The index of training samples: one row a frame that has flow.

A row names a frame, the gaps whose flow starts at it, and the stores that hold both. Pixels and
flow are not copied: the loader reads them from the stores.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from commonfate import parquet
from commonfate.errors import StoreError

COLUMNS = ("dataset", "video", "t", "gaps", "frame_store", "flow_store", "shard")


@dataclass(frozen=True, slots=True)
class Sample:
    """A frame with the flow that starts at it."""

    dataset: str
    video: str
    t: int
    gaps: tuple[int, ...]
    frame_store: str
    flow_store: str

    def __str__(self) -> str:
        return f"{self.dataset}/{self.video} frame {self.t}"


@dataclass(frozen=True)
class SampleIndex:
    """Samples in the order of the file.

    Attributes:
        path: the file.
        samples: its rows.
        digest: hash of the rows and of the stores' bytes; equal digests mean equal training data.
    """

    path: Path
    samples: tuple[Sample, ...]
    digest: str

    def of_video(self, video: str) -> tuple[Sample, ...]:
        """The samples of one video, in order; of all videos of that name in several datasets."""
        return self._by_video.get(video, ())

    @cached_property
    def _by_video(self) -> dict[str, tuple[Sample, ...]]:
        found: dict[str, list[Sample]] = {}
        for sample in self.samples:
            found.setdefault(sample.video, []).append(sample)
        return {video: tuple(samples) for video, samples in found.items()}


def read(path: str | Path) -> SampleIndex:
    """Read an index.

    Raises:
        StoreError: the file is missing, damaged, or no index of samples.
    """
    path = Path(path)
    table = parquet.read(path)
    missing = [name for name in COLUMNS if name not in table]
    if missing or table.empty:
        problem = f"has no column {missing[0]}" if missing else "holds no sample"
        raise StoreError(f"{path}: {problem}; make it with `commonfate samples`")
    samples = tuple(
        Sample(
            row.dataset,
            row.video,
            int(row.t),
            tuple(int(gap) for gap in row.gaps),
            row.frame_store,
            row.flow_store,
        )
        for row in table.itertuples(index=False)
    )
    return SampleIndex(path, samples, _digest(samples, parquet.provenance(path)))


def _digest(samples: Sequence[Sample], provenance: dict[str, Any]) -> str:
    inputs = provenance.get("inputs", {})
    stores = sorted({store for s in samples for store in (s.frame_store, s.flow_store)})
    rows = [[s.dataset, s.video, s.t, s.gaps, s.frame_store, s.flow_store] for s in samples]
    content = [rows, [(store, inputs.get(store)) for store in stores]]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
