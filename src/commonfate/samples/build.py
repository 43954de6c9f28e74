"""Building the index of training samples."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from commonfate.base import parquet, provenance
from commonfate.base.errors import StoreError, UserError
from commonfate.base.files import fingerprint
from commonfate.samples.index import COLUMNS
from commonfate.samples.kinds import KINDS, SampleKind
from commonfate.samples.stores import Stores


def by_dataset(manifests: Sequence[Path]) -> dict[str, Path]:
    """Manifests by the names of their datasets, which their provenance holds.

    Raises:
        UserError: two manifests are of one dataset.
        StoreError: a file is no manifest.
    """
    names = [_dataset(path) for path in manifests]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"--manifest: {names.count(name)} files of dataset {name}; give one")
    return dict(sorted(zip(names, manifests, strict=True)))


def _dataset(manifest: Path) -> str:
    settings = parquet.provenance(manifest).get("settings")
    if not isinstance(settings, Mapping) or "dataset" not in settings:
        raise StoreError(
            f"{manifest}: is no manifest, it names no dataset; make it with `commonfate manifest`"
        )
    return settings["dataset"]


def build(
    manifests: Sequence[Path],
    frames: Sequence[Path],
    flow: Sequence[Path],
    split: str,
    learns_from: str = "flow",
    gaps: Mapping[str, Sequence[int]] | None = None,
    owners: Mapping[Path, str] | None = None,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """List the samples of one split of one or several datasets.

    Args:
        manifests: `results/videos/{dataset}/manifest.parquet`, one a dataset.
        frames: frame stores of those datasets.
        flow: flow stores of those datasets, of one flow source; empty unless samples have flow.
        split: `train`, `val` or `all`.
        learns_from: name of the kind of sample, see `samples.kinds`.
        gaps: for pairs: their gaps by dataset, positive.
        owners: dataset of each store; may be None if there is only one dataset.

    Returns:
        The table (columns `COLUMNS`; sorted by dataset, video and t) and its provenance, which
        counts the videos that were left out, by reason. Usable videos without a sample count as
        `without_flow`, `without_pairs` or `without_labels`: still images have neither flow nor
        pairs, the flow of some videos could not be extracted, others have no such annotations.

    Raises:
        UserError: there is no sample, or a video of a manifest is in no store.
        StoreError: a label file is missing, or a file is no manifest.
    """
    kind = KINDS[learns_from]
    rows: list[tuple] = []
    counts: dict[str, dict[str, Any]] = {}
    contents: dict[str, list[list[str]]] = {}
    for dataset, path in by_dataset(manifests).items():
        own_frames, own_flow = (_of(dataset, paths, owners) for paths in (frames, flow))
        stores = Stores(dataset, own_frames, own_flow)
        table = parquet.read(path)
        chosen = table if split == "all" else table[table["split"] == split]
        own = (gaps or {}).get(dataset, ())
        samples = {
            row.id: list(_rows(dataset, row, stores, path, kind, own)) for row in _usable(chosen)
        }
        rows += [row for video in sorted(samples) for row in samples[video]]
        for video in (video for video in sorted(samples) if samples[video]):
            content = [video, stores.content(video, path)]
            content += [str(stores.fps(video, path))] if kind.has_times else []
            contents.setdefault(str(stores.frame_store(video, path)), []).append(content)
        counts[dataset] = _count(chosen, samples, kind, stores)
    if not rows:
        raise UserError(_no_sample(manifests, split, counts, kind))
    index = pd.DataFrame(rows, columns=list(COLUMNS))
    settings: dict[str, Any] = {"split": split, "learns_from": learns_from}
    if gaps:
        settings["gaps"] = {dataset: list(own) for dataset, own in gaps.items()}
    record = provenance.record("samples", settings, manifests, videos=counts)
    record["inputs"] |= {str(path): fingerprint(path) for path in (*frames, *flow)}
    # Equal frames may lie in frame stores of different bytes.
    record["contents"] = {store: _hash(videos) for store, videos in sorted(contents.items())}
    if (digest := kind.digest_of_files(index["file"])) is not None:
        record["files"] = digest
    return index, record


def _of(dataset: str, paths: Sequence[Path], owners: Mapping[Path, str] | None) -> Sequence[Path]:
    """Stores of one dataset."""
    return paths if owners is None else [path for path in paths if owners[path] == dataset]


def _usable(table: pd.DataFrame) -> Iterator[Any]:
    return table[table["status"] == "ok"].itertuples(index=False)


def _rows(
    dataset: str, row: Any, stores: Stores, manifest: Path, kind: SampleKind, gaps: Sequence[int]
) -> Iterator[tuple]:
    store, shard = str(stores.frame_store(row.id, manifest)), int(row.shard)
    for t, own_gaps, flow_store, file, content in kind.of_video(row, stores, manifest, gaps):
        yield dataset, row.id, t, own_gaps, store, flow_store, shard, file, content, kind.name


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


def _count(
    chosen: pd.DataFrame, samples: dict[str, list], kind: SampleKind, stores: Stores
) -> dict[str, Any]:
    """Numbers of videos of one dataset: used, without samples, and left out by reason."""
    left_out = chosen[chosen["status"] != "ok"]
    without = [video for video in sorted(samples) if not samples[video]]
    count = {
        "used": len(samples) - len(without),
        f"without_{kind.name}": len(without),
        "left_out": len(left_out),
        "reasons": dict(sorted(Counter(left_out["reason"].astype(str)).items())),
    }
    if kind.has_flow:
        reasons = {video: stores.reason_without_flow(video) for video in without}
        count["left_out_of_flow"] = {video: reason for video, reason in reasons.items() if reason}
    return count


def _no_sample(
    manifests: Sequence[Path], split: str, counts: dict[str, dict[str, Any]], kind: SampleKind
) -> str:
    """Message for an index without samples."""
    left_out = sum(count["left_out"] for count in counts.values())
    without = sum(count[f"without_{kind.name}"] for count in counts.values())
    where = ", ".join(map(str, manifests))
    if not left_out and not without:
        splits = {split for path in manifests for split in parquet.read(path)["split"]}
        return (
            f"{where}: no video in split {split!r}; "
            f"there are: {', '.join(sorted(splits)) or 'none'}; choose one of them, or all"
        )
    return (
        f"{where}: no sample in split {split!r}: {left_out} videos were left out (column reason), "
        f"{without} have no {kind.name}; {kind.cure}"
    )
