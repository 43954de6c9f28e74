"""The flow store of some videos: left as it is, brought up to date, or made.

A store knows which content each of its videos had. Where only some videos differ, or some were left
out and their files have changed since, the flow of the others is taken over.
"""

import hashlib
import json
import logging
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from commonfate.base import provenance
from commonfate.base.errors import StoreError, UserError
from commonfate.base.files import exclusive
from commonfate.base.progress import track
from commonfate.flow.extraction import spread
from commonfate.flow.extraction.extract import extract, usable
from commonfate.storage.flow import open_reader, open_writer
from commonfate.storage.flow_reader import FlowReader
from commonfate.storage.flow_writer import stage_of
from commonfate.storage.frames import FrameReader

if TYPE_CHECKING:
    from commonfate.flow.estimators.provider import FlowProvider
    from commonfate.flow.extraction.spread import Crew
    from commonfate.storage.flow_writer import FlowWriter

log = logging.getLogger(__name__)
NAMED = 3
"""Videos that were left out, of which the reason is repeated."""


def write(
    videos: Sequence[dict[str, Any]],
    manifest: Path,
    frames: Path,
    provider: "FlowProvider",
    gaps: Sequence[int],
    output: Path,
    storage: dict[str, Any],
    facts: dict[str, Any],
    crew: "Crew | None" = None,
    retry: bool = False,
) -> None:
    """Write the flow store of some videos, unless it is there already, made of the same.

    What a store has left out is tried again when one of its files has changed.

    Args:
        videos: rows of the manifest.
        manifest: where they are from.
        frames: the store of their frames.
        provider: where flow comes from.
        gaps: from frame t to t + gap.
        output: the store.
        storage: `container`, `steps_per_pixel` and `tiff_layout`, as
            `storage.flow.open_writer` takes them.
        facts: `source`, the settings of the flow source, and `device`, for the provenance; of
            videos without data set also `videos`, what their frames are made of, and `run_in`, the
            folder where relative paths of them begin.
        crew: the processes that do the work; None does it in this one.
        retry: try again what was left out, changed or not.

    Raises:
        UserError: nothing gave any flow; of a shard, for another reason than damaged files.
        OSError: the disk is full, ...; what is staged beside the store is kept.
    """
    record = provenance.record(
        "flow",
        {"source": facts["source"], "gaps": list(gaps), **storage},
        inputs=[manifest, frames, *provider.inputs(videos)],
        estimator=provider.description,
        weights_sha256=provider.weights_sha256,
        device=facts["device"],
    )
    record |= {name: facts[name] for name in ("videos", "run_in") if name in facts}
    record["method_key"] = method_key = _method_key(provider, storage, facts)
    reader = FrameReader(frames)
    contents = contents_of(videos, reader, provider, record["inputs"])
    record["key"] = key = _hash([method_key, list(gaps), contents])
    with exclusive(output):
        previous = _there(output)
        if previous is not None and previous.provenance.get("key") == key:
            again = [item for item in _left_out(previous) if retry or _has_changed(item, reader)]
            if not again:
                _say_that_it_is_there(previous)
                # Of a writer that was killed at its last line, or of settings given up since.
                shutil.rmtree(stage_of(output), ignore_errors=True)
                return
            log.info("%s: %d of its videos are tried again", output, len(again))
        with open_writer(output, **storage, provenance=record, key=method_key) as writer:
            writer.keep(contents, gaps)
            if previous is not None and previous.provenance.get("method_key") == method_key:
                _take_over(previous, contents, gaps, writer)
            is_shard = "videos" not in facts
            if crew is None:
                extract(videos, reader, provider, gaps, writer, contents, is_shard)
            else:
                spread.extract(videos, frames, gaps, writer, crew, contents, is_shard)


def is_there(
    provider: "FlowProvider",
    gaps: Sequence[int],
    output: Path,
    storage: dict[str, Any],
    facts: dict[str, Any],
    retry: bool,
) -> bool:
    """Whether a store is there of videos that are as they were; their frames are not needed.

    Args:
        provider, gaps, output, storage, facts, retry: as `write` takes them.
    """
    previous = _there(output)
    if previous is None:
        return False
    there = previous.provenance
    same = (
        there.get("method_key") == _method_key(provider, storage, facts)
        and there["settings"]["gaps"] == list(gaps)
        and there.get("videos") == facts["videos"]
        and not (retry and _left_out(previous))
    )
    if same:
        _say_that_it_is_there(previous)
    return same


def _method_key(provider: "FlowProvider", storage: dict[str, Any], facts: dict[str, Any]) -> str:
    return _hash([facts["source"], storage, provider.description, provider.weights_sha256])


def contents_of(
    videos: Sequence[Mapping[str, Any]],
    frames: FrameReader,
    provider: "FlowProvider",
    hashes: Mapping[str, str],
) -> dict[str, str]:
    """Digests, by video, of all that is read of it; "" where the frame store has it not.

    Args:
        videos: rows of the manifest; those that are not usable are skipped.
        frames: the store of their frames.
        provider: where flow comes from.
        hashes: of the files that the provider reads besides.
    """
    found = {}
    for video in usable(videos):
        try:
            content = frames.content(video["id"])
        except UserError:  # it will be left out, with this reason
            content = ""
        others = [hashes[path] for path in provider.inputs([video])]
        found[video["id"]] = _hash([content, *others]) if others else content
    return found


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _there(store: Path) -> FlowReader | None:
    """The store; None where there is none that can be read."""
    try:
        reader = open_reader(store)
        reader.provenance  # noqa: B018 - reads the index
    except StoreError:
        return None
    return reader


def _left_out(reader: FlowReader) -> list[dict[str, Any]]:
    return reader.provenance.get("left_out", [])


def _has_changed(item: Mapping[str, Any], frames: FrameReader) -> bool:
    """Whether the files of a video are not as they were when it was left out."""
    if "files" not in item:
        return False
    try:
        return frames.state(item["video"]) != item["files"]
    except UserError:
        return False


def _say_that_it_is_there(reader: FlowReader) -> None:
    log.info("%s is there already, made of the same", reader.path)
    for item in _left_out(reader)[:NAMED]:
        log.warning("%s, gaps %s: left out: %s", item["video"], item["gaps"], item["reason"])
    if _left_out(reader):
        log.warning(
            "%s: %d videos lack flow, all or some of it; it is tried again when files change, "
            "or with --retry",
            *(reader.path, len({item["video"] for item in _left_out(reader)})),
        )


def _take_over(
    previous: FlowReader, contents: Mapping[str, str], gaps: Sequence[int], writer: "FlowWriter"
) -> None:
    """Stage the flow of videos whose content is the same; what is damaged is made anew."""
    parts = [
        previous.info(video, gap)
        for video in previous.videos
        for gap in previous.gaps(video)
        if gap in gaps and contents.get(video) == previous.info(video, gap).content != ""
    ]
    if not parts:
        return
    kept = {part.video for part in parts}
    log.info("%s: the flow of %d of %d videos is kept", previous.path, len(kept), len(contents))
    for info in track(parts, "keeping (parts)", len(parts)):
        part = writer.part(
            info.video, info.gap, info.frames, (info.height, info.width), info.content
        )
        try:
            saturated = previous.pair_counts(info.video, info.gap)["saturated"]
            for t in part.missing:
                steps = previous.read_steps(info.video, info.gap, t)
                part.write(t, steps, saturated[info.sources.index(t)])
        except StoreError as error:
            log.warning("%s; made anew", error)
    previous.close()
