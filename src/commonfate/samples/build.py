"""Making the index of training samples."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from commonfate import parquet, provenance
from commonfate.errors import UserError
from commonfate.files import sha256
from commonfate.samples.index import COLUMNS
from commonfate.samples.stores import Stores, of_dataset


def build(
    manifests: Sequence[Path], frames: Sequence[Path], flow: Sequence[Path], split: str
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """List the samples of one split of one or several datasets.

    Args:
        manifests: `results/videos/{dataset}/manifest.parquet`; the folder's name is the dataset's.
        frames: frame stores of those datasets.
        flow: flow stores of those datasets, one flow source.
        split: `train`, `val` or `all`.

    Returns:
        The table (columns `COLUMNS`; by dataset, video and t, whatever the order of the arguments)
        and its provenance, which counts the videos that were left out and why. Still images and
        videos whose flow could not be extracted are counted as `without_flow`.

    Raises:
        UserError: no sample is found, or a video of a manifest is in no store.
    """
    rows: list[tuple] = []
    counts: dict[str, dict[str, Any]] = {}
    by_dataset = {path.absolute().parent.name: path for path in manifests}
    if len(by_dataset) < len(manifests):
        raise UserError(f"--manifest: {len(manifests)} files, but datasets {sorted(by_dataset)}")
    for dataset, path in sorted(by_dataset.items()):
        stores = of_dataset(dataset, len(by_dataset) > 1, frames, flow)
        table = parquet.read(path)
        chosen = table if split == "all" else table[table["split"] == split]
        found = {row.id: list(_rows(dataset, row, stores, path)) for row in _usable(chosen)}
        rows += [sample for video in sorted(found) for sample in found[video]]
        counts[dataset] = _count(chosen, found)
    if not rows:
        raise UserError(_nothing(manifests, split, counts))
    facts = provenance.record("samples", {"split": split}, manifests, videos=counts)
    facts["inputs"] |= {str(path): fingerprint(path) for path in (*frames, *flow)}
    return pd.DataFrame(rows, columns=list(COLUMNS)), facts


def _usable(table: pd.DataFrame) -> Iterator[Any]:
    return table[table["status"] == "ok"].itertuples(index=False)


def _rows(dataset: str, row: Any, stores: Stores, manifest: Path) -> Iterator[tuple]:
    frame_store = stores.frame_store(row.id, manifest)
    found = stores.flow_store(row.id, manifest)
    if found is None:
        return
    flow_store, reader = found
    gaps: dict[int, list[int]] = {}
    for gap in sorted(reader.gaps(row.id)):
        for t in reader.frames_with_flow(row.id, gap):
            gaps.setdefault(int(t), []).append(int(gap))
    for t in sorted(gaps):
        yield dataset, row.id, t, gaps[t], str(frame_store), str(flow_store), int(row.shard)


def _count(chosen: pd.DataFrame, found: dict[str, list]) -> dict[str, Any]:
    left_out = chosen[chosen["status"] != "ok"]
    return {
        "used": sum(bool(rows) for rows in found.values()),
        "without_flow": sum(not rows for rows in found.values()),
        "left_out": len(left_out),
        "reasons": dict(sorted(Counter(left_out["reason"].astype(str)).items())),
    }


def _nothing(manifests: Sequence[Path], split: str, counts: dict[str, dict[str, Any]]) -> str:
    left_out = sum(count["left_out"] for count in counts.values())
    without = sum(count["without_flow"] for count in counts.values())
    where = ", ".join(map(str, manifests))
    if not left_out and not without:
        splits = {split for path in manifests for split in parquet.read(path)["split"]}
        return (
            f"{where}: no video in split {split!r}; "
            f"there are: {', '.join(sorted(splits)) or 'none'}; choose one of them, or all"
        )
    return (
        f"{where}: no sample in split {split!r}: {left_out} videos were left out (column reason), "
        f"{without} have no flow; use longer videos or smaller gaps"
    )


def fingerprint(path: Path) -> str:
    """SHA-256 of a file, or of the names and hashes of the files of a folder (a TIFF store)."""
    if not path.is_dir():
        return sha256(path)
    files = sorted(file for file in path.rglob("*") if file.is_file())
    listed = "".join(f"{sha256(file)} {file.relative_to(path)}\n" for file in files)
    return hashlib.sha256(listed.encode()).hexdigest()
