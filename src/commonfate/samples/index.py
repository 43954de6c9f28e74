"""The index of training samples: one row for each frame that has something to learn from.

A row names a frame and, by its kind (see `samples.kinds`), the gaps whose flow starts at the frame,
the gaps to the other frames of its pairs, or the file of its classes. Pixels, flow and classes are
not copied; the loader reads them in place.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from commonfate.base import parquet
from commonfate.base.errors import StoreError

CLASSES = "classes"
"""Kind of all files of indexes that were made before these named kinds."""
COLUMNS = (
    "dataset",
    "video",
    "t",
    "gaps",
    "frame_store",
    "flow_store",
    "shard",
    "file",
    "file_kind",
    "learns_from",
)


@dataclass(frozen=True, slots=True)
class Sample:
    """A frame, and the places of the data that is learnt from.

    Attributes:
        dataset: name of the dataset.
        video: name of the video.
        t: number of the frame, counted from 0.
        gaps: gaps of the flow or of the pairs; (0,) if there is nothing to draw.
        frame_store: store of the frame, and of the other frame of a pair.
        flow_store: store of the flow; "" for samples without flow.
        file: another file, e.g. an image of classes; "" for samples without one.
        file_kind: kind of its content, see `datasets.annotations`.
        learns_from: name of the kind of sample, see `samples.kinds`.
    """

    dataset: str
    video: str
    t: int
    gaps: tuple[int, ...]
    frame_store: str
    flow_store: str = ""
    file: str = ""
    file_kind: str = ""
    learns_from: str = "flow"

    def __str__(self) -> str:
        return f"{self.dataset}/{self.video} frame {self.t}"


@dataclass(frozen=True)
class SampleIndex:
    """Samples in the order of the file.

    Attributes:
        path: the file.
        samples: its rows, all of one kind.
        digest: hash of the rows, of the frames' content, and of the bytes of flow stores and other
            files; equal digests mean equal training data.
    """

    path: Path
    samples: tuple[Sample, ...]
    digest: str

    def of_video(self, video: str) -> tuple[Sample, ...]:
        """Samples of one video, in order; of several datasets, of all videos of that name."""
        return self._by_video.get(video, ())

    @cached_property
    def _by_video(self) -> dict[str, tuple[Sample, ...]]:
        by_video: dict[str, list[Sample]] = {}
        for sample in self.samples:
            by_video.setdefault(sample.video, []).append(sample)
        return {video: tuple(samples) for video, samples in by_video.items()}


def read(path: str | Path) -> SampleIndex:
    """Read an index.

    Raises:
        StoreError: the file is missing, damaged or no index of samples.
    """
    path = Path(path)
    table = parquet.read(path)
    if "file" in table and "file_kind" not in table:
        table = table.assign(file_kind=table["file"].map(lambda file: CLASSES if file else ""))
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
            row.file,
            row.file_kind,
            row.learns_from,
        )
        for row in table.itertuples(index=False)
    )
    return SampleIndex(path, samples, _digest(samples, parquet.provenance(path)))


def _digest(samples: Sequence[Sample], provenance: dict[str, Any]) -> str:
    """Hash of the samples and of the data that they name."""
    inputs = provenance.get("inputs", {}) | provenance.get("contents", {})
    stores = sorted({store for s in samples for store in (s.frame_store, s.flow_store) if store})
    rows = [[s.dataset, s.video, s.t, s.gaps, s.frame_store, s.flow_store] for s in samples]
    content: list[Any] = [rows, [(store, inputs.get(store)) for store in stores]]
    if any(s.file for s in samples):
        content += [[s.file for s in samples], provenance.get("files")]
    if any(s.file_kind not in ("", CLASSES) for s in samples):
        content.append([s.file_kind for s in samples])
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
