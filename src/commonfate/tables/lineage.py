"""From a product back to everything that it was made of.

Every product carries the record of how it was made, with the hash of each input at that time. Here
the records are followed from file to file, and the hashes compared with the files of today.
"""

import datetime
import json
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import yaml

from commonfate.base import parquet
from commonfate.base.errors import StoreError
from commonfate.storage import frame_files

SMALL = 1 << 20
"""Files of up to so many bytes are hashed always, larger ones only when they may have changed."""


def follow(paths: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Collect the records of products and of all that they were made of.

    Args:
        paths: products, relative to the working directory, as the records themselves name them.

    Returns:
        By path, the record (see `base.provenance.record`). To it are added `listing`, the
        rows of a manifest; `changed`, which inputs differ from what was read then; `problem`, why
        there is no record. What has none by its nature (a video, weights) is not listed.
    """
    files: dict[str, dict[str, Any]] = {}
    queue = deque(paths)
    while queue:
        path = queue.popleft()
        if path in files or _reader_of(Path(path)) is None:
            continue
        files[path] = node = _record(Path(path))
        node["changed"] = changed(node)
        node.pop("images", None)  # tables keep the records, and there may be a million of these
        queue.extend(products(node["inputs"]))
    return files


def products(inputs: Mapping[str, str]) -> dict[str, str]:
    """Inputs with their hashes, files inside a TIFF store taken together as the store."""
    found: dict[str, str] = {}
    for path, digest in inputs.items():
        stores = [folder for folder in Path(path).parents if folder.suffix == ".tiff"]
        found |= {str(stores[-1]): ""} if stores else {path: digest}
    return found


def changed(node: Mapping[str, Any]) -> list[str]:
    """Inputs of a record that are there now and are not what was read then."""
    made = node.get("time", "")
    known = {path: digest for path, digest in node["inputs"].items() if digest}
    others = [path for path, digest in known.items() if _differs(Path(path), digest, made)]
    images = node.get("images", {}).items()
    return others + [source for source, held in images if _images_differ(*held, made)]


def _differs(path: Path, digest: str, made: str) -> bool:
    """Whether a file is no longer the one that was hashed when something was made of it.

    A large file that is older than what was made of it counts as the same without being read:
    hashing every store again would take hours on thousands of videos.
    """
    if not path.exists():
        return False
    parts = [path] if path.is_file() else [part for part in path.rglob("*") if part.is_file()]
    status = [part.stat() for part in parts]
    if made and sum(one.st_size for one in status) > SMALL:
        written = max(one.st_mtime for one in status)
        if written < datetime.datetime.fromisoformat(made).timestamp():
            return False
    from commonfate.samples.build import fingerprint

    return fingerprint(path) != digest


def _images_differ(digest: str, files: list[str], made: str) -> bool:
    """As `_differs`, of the images of a video that are read in place."""
    paths = [Path(file) for file in files]
    if not all(path.is_file() for path in paths):
        return False
    if made:
        written = max(path.stat().st_mtime for path in paths)
        if written < datetime.datetime.fromisoformat(made).timestamp():
            return False
    return frame_files.content_of(paths).sha256 != digest


def _record(path: Path) -> dict[str, Any]:
    """A product's own record, with `inputs` in any case."""
    if not path.exists():
        return {"inputs": {}, "problem": "is not there, so there is no record of how it was made"}
    try:
        found = dict(_reader_of(path)(path))
    except (StoreError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return {"inputs": {}, "problem": f"no record of how it was made ({error})"}
    if not found:
        return {"inputs": {}, "problem": "no record of how it was made"}
    return {**found, "inputs": dict(found.get("inputs", {}))}


def _reader_of(path: Path) -> Callable[[Path], Mapping[str, Any]] | None:
    """What reads a file's record; None for files that carry none."""
    if path.name.endswith((".zarr.zip", ".tiff")):
        return _of_store
    if path.suffix == ".pt" and run_of(path) is not None:
        return _of_weights
    return {".json": _of_json, ".parquet": _of_parquet}.get(path.suffix)


def run_of(weights: Path) -> Path | None:
    """The folder of the run that weights are of; None for those that were not trained here.

    It holds checkpoint.pt, or the folder that the snapshots are in.
    """
    folders = [folder for folder in weights.parents[:2] if (folder / "config.yaml").is_file()]
    return folders[0] if folders else None


def _of_json(path: Path) -> Mapping[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")).get("provenance", {})


def _of_weights(path: Path) -> Mapping[str, Any]:
    """Record of checkpoint.pt or of a snapshot, which config.yaml of the run has as text."""
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
    """Its record; of a manifest with the videos, whose files become inputs with their hashes."""
    record = parquet.provenance(path)
    if record.get("verb") != "manifest":
        return record
    columns = ["id", "split", "source", "frames", "sha256", "status", "reason"]
    table = parquet.read(path)
    videos = table[columns].to_dict("records")
    hashed = [one for one in table.to_dict("records") if one["sha256"]]
    images = {
        one["source"]: (one["sha256"], list(one["frame_files"]))
        for one in hashed
        if one.get("frame_files") is not None
    }
    sources = {one["source"]: one["sha256"] for one in hashed if one["source"] not in images}
    inputs = {**record.get("inputs", {}), **sources}
    return {**record, "inputs": inputs, "images": images, "listing": videos}
