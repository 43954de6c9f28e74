"""Provenance of a table: from every number back to everything that it was made of.

Every product carries a record of its making, with the hash of each input at that time. The records
are followed from file to file, and the hashes compared with the files of today.
"""

import datetime
import hashlib
import json
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import yaml

from commonfate.base import parquet, provenance
from commonfate.base.errors import StoreError
from commonfate.storage import frame_files
from commonfate.tables.table import MEASURED, Table

SMALL = 1 << 20
"""Size in bytes up to which files are always hashed; larger ones only if they are newer."""


def follow(paths: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Collect the records of products and of all that they were made of.

    Args:
        paths: products, relative to the working directory, as the records themselves name them.

    Returns:
        By path, the record (see `base.provenance.record`), with `listing`, the rows of a manifest;
        `changed`, the inputs that differ from those that were read then; `problem`, the reason why
        there is no record. Files that carry no record (a video, weights) are not listed.
    """
    files: dict[str, dict[str, Any]] = {}
    queue = deque(paths)
    while queue:
        path = queue.popleft()
        read = _reader_of(Path(path))
        if path in files or read is None:
            continue
        files[path] = node = _record(Path(path), read)
        node["changed"] = changed(node)
        node.pop("images", None)  # tables keep the records, and there may be a million of these
        queue.extend(products(node["inputs"]))
    return files


def products(inputs: Mapping[str, str]) -> dict[str, str]:
    """Inputs with their hashes, files inside a TIFF store taken together as the store."""
    whole: dict[str, str] = {}
    for path, digest in inputs.items():
        stores = [folder for folder in Path(path).parents if folder.suffix == ".tiff"]
        whole |= {str(stores[-1]): ""} if stores else {path: digest}
    return whole


def changed(node: Mapping[str, Any]) -> list[str]:
    """Inputs of a record that exist now and differ from those that were read then."""
    time = node.get("time", "")
    hashed = {path: digest for path, digest in node["inputs"].items() if digest}
    others = [path for path, digest in hashed.items() if _differs(Path(path), digest, time)]
    images = node.get("images", {}).items()
    return others + [
        source for source, (digest, files) in images if _images_differ(digest, files, time)
    ]


def _differs(path: Path, digest: str, time: str) -> bool:
    """True if a file is no longer the one that was hashed for a record of that time.

    A large file that is older than the record counts as the same without being read: hashing every
    store again would take hours on thousands of videos.
    """
    if not path.exists():
        return False
    parts = [path] if path.is_file() else [part for part in path.rglob("*") if part.is_file()]
    status = [part.stat() for part in parts]
    if time and sum(part.st_size for part in status) > SMALL and _is_older(parts, time):
        return False
    from commonfate.base.files import fingerprint

    return fingerprint(path) != digest


def _images_differ(digest: str, files: list[str], time: str) -> bool:
    """As `_differs`, of the images of a video that are read in place."""
    paths = [Path(file) for file in files]
    if not all(path.is_file() for path in paths):
        return False
    if time and _is_older(paths, time):
        return False
    return frame_files.content_of(paths).sha256 != digest


def _is_older(paths: Iterable[Path], time: str) -> bool:
    written = max(path.stat().st_mtime for path in paths)
    return written < datetime.datetime.fromisoformat(time).timestamp()


def _record(path: Path, read: Callable[[Path], Mapping[str, Any]]) -> dict[str, Any]:
    """A product's own record, with `inputs` in any case."""
    if not path.exists():
        return {"inputs": {}, "problem": "is not there, so there is no record of how it was made"}
    try:
        record = dict(read(path))
    except (StoreError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return {"inputs": {}, "problem": f"no record of how it was made ({error})"}
    if not record:
        return {"inputs": {}, "problem": "no record of how it was made"}
    return {**record, "inputs": dict(record.get("inputs", {}))}


def _reader_of(path: Path) -> Callable[[Path], Mapping[str, Any]] | None:
    """The function that reads a file's record; None for files that carry none."""
    if path.name.endswith((".zarr.zip", ".tiff")):
        return _of_store
    if path.suffix == ".pt" and run_of(path) is not None:
        return _of_weights
    return {".json": _of_json, ".parquet": _of_parquet}.get(path.suffix)


def run_of(weights: Path) -> Path | None:
    """The folder of the run of a checkpoint or snapshot; None for weights not trained here."""
    folders = [folder for folder in weights.parents[:2] if (folder / "config.yaml").is_file()]
    return folders[0] if folders else None


def _of_json(path: Path) -> Mapping[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")).get("provenance", {})


def _of_weights(path: Path) -> Mapping[str, Any]:
    """Record of a checkpoint or snapshot, from config.yaml of its run."""
    folder = run_of(path)
    if folder is None:
        raise StoreError("no config.yaml of a run is beside it")
    run = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
    return run["provenance"]


def _of_store(path: Path) -> Mapping[str, Any]:
    from commonfate.storage.flow import open_reader
    from commonfate.storage.frames import FrameReader

    if path.is_dir():
        with closing(open_reader(path)) as reader:
            return reader.provenance
    with closing(FrameReader(path)) as frames:
        if frames.kind == frames.verb:
            return frames.provenance
    with closing(open_reader(path)) as flow:
        return flow.provenance


def _of_parquet(path: Path) -> Mapping[str, Any]:
    """The record; of a manifest with the videos, whose files become inputs with their hashes."""
    record = parquet.provenance(path)
    if record.get("verb") != "manifest":
        return record
    columns = ["id", "split", "source", "frames", "sha256", "status", "reason"]
    table = parquet.read(path)
    videos = table[columns].to_dict("records")
    hashed = [video for video in table.to_dict("records") if video["sha256"]]
    images = {
        video["source"]: (video["sha256"], list(video["frame_files"]))
        for video in hashed
        if video.get("frame_files") is not None
    }
    sources = {
        video["source"]: video["sha256"] for video in hashed if video["source"] not in images
    }
    inputs = {**record.get("inputs", {}), **sources}
    return {**record, "inputs": inputs, "images": images, "listing": videos}


def document(table: Table, settings: Mapping[str, Any], csv_text: str) -> dict[str, Any]:
    """Provenance of a table as JSON, for `commonfate explain`.

    Args:
        table: the table.
        settings: the part of the configuration that it depends on.
        csv_text: its CSV; its hash shows later edits.

    Returns:
        `cells`: every number with its row, column and origin (evaluations and runs, or the paper's
        table); `files`: the record of every file that a measured number depends on, with the
        hashes of its inputs; `left_out`: the videos that were left out, with reasons.
    """
    measured = [cell for cell in table.cells if cell["source"] == MEASURED]
    evaluations = dict.fromkeys(path for cell in measured for path in cell["evaluations"])
    record = provenance.record("table", {"table": table.name, **settings}, evaluations)
    hashes = record["inputs"]
    cells = [
        {**cell, "evaluations": {path: hashes[path] for path in cell["evaluations"]}}
        if cell["source"] == MEASURED
        else cell
        for cell in table.cells
    ]
    return {
        "table": table.name,
        "title": table.title,
        "csv_sha256": hashlib.sha256(csv_text.encode()).hexdigest(),
        "notes": table.notes,
        "cells": cells,
        "left_out": {"count": len(table.left_out), "of": table.videos, "videos": table.left_out},
        "files": table.files,
        "provenance": record,
    }
