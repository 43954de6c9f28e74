"""The output of a conversion as a product: provenance, a check that it is there, writing."""

import hashlib
import json
from pathlib import Path
from typing import Any

from commonfate.base import provenance
from commonfate.base.errors import ConfigError, StoreError
from commonfate.base.files import exclusive, sha256
from commonfate.storage.flow import open_reader, open_writer
from commonfate.storage.flow_reader import FlowReader
from commonfate.storage.formats import FORMATS
from commonfate.storage.formats.convert import Part, Source, Tally, to_folder, to_store
from commonfate.storage.formats.folder_writer import FlowFolderWriter


def record(
    path: Path, source: Source, files: list[Path] | None, settings: dict[str, Any]
) -> dict[str, Any]:
    """Provenance of the product.

    Args:
        path: where flow comes from.
        source: the same, opened.
        files: of a folder, the files of its format; None for a store.
        settings: of the conversion, as JSON can hold them.

    Returns:
        Provenance; its `key` is the hash of all that the product's content depends on.
    """
    if path.is_file():
        digest = sha256(path)
    else:
        names = files if files is not None else sorted(p for p in path.rglob("*") if p.is_file())
        content = [[name.relative_to(path).as_posix(), sha256(name)] for name in names]
        digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()
    origin = source.provenance if isinstance(source, FlowReader) else {}
    kept = {name: origin[name] for name in ("estimator", "weights_sha256") if name in origin}
    of = {"of": origin} if files is None else {}
    conversion = provenance.record("convert", settings, [], **of, **kept)
    key = hashlib.sha256(json.dumps([settings, digest], sort_keys=True).encode()).hexdigest()
    return {**conversion, "inputs": {str(path): digest}, "key": key}


def is_made(output: Path, key: str, parts: list[Part]) -> bool:
    """True if a store is there that has this key and holds all parts.

    Raises:
        ConfigError: something else is there, which writing would replace.
    """
    if not output.exists():
        return False
    try:
        reader = open_reader(output)
        there = {(video, gap) for video in reader.videos for gap in reader.gaps(video)}
        return reader.provenance.get("key") == key and there >= set(parts)
    except StoreError as error:
        raise ConfigError(
            f"{output}: is there and is no flow store that can be read; delete it, or choose "
            "another name"
        ) from error


def write(
    source: Source,
    parts: list[Part],
    output: Path,
    to: str | dict[str, Any],
    record: dict[str, Any],
    threads: int,
) -> Tally:
    """Write a store or a folder.

    Args:
        source: where flow comes from.
        parts: videos and gaps to convert.
        output: the store or folder.
        to: name of a folder's format; or arguments of `open_writer`, for a store.
        record: as `record` returns it.
        threads: pairs that are converted at once.

    Raises:
        StoreError: nothing could be converted.
        OSError: the output cannot be written.
    """
    with exclusive(output):
        if isinstance(to, str):
            folder = FlowFolderWriter(output, FORMATS[to], record)
            tally = to_folder(source, parts, folder, threads)
            folder.finish()
            return tally
        with open_writer(output, **to, provenance=record, key=record["key"]) as writer:
            tally = to_store(source, parts, writer, threads)
            if tally.left_out and not tally.parts:
                (video, gap), reason = next(iter(tally.left_out.items()))
                raise StoreError(
                    f"{output}: not written, nothing is left; {video}, gap {gap}: {reason}"
                )
        return tally
