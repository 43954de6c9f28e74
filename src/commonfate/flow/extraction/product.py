"""The flow store of some videos: left as it is, brought up to date, or made.

A store records the content of each of its videos. If some of them differ, or were left out and
their files have changed since, the flow of the others is kept.
"""

import hashlib
import json
import logging
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from commonfate.base import provenance
from commonfate.base.errors import StoreError, UserError
from commonfate.base.files import exclusive
from commonfate.base.progress import track
from commonfate.flow.extraction import processes
from commonfate.flow.extraction.extract import extract, usable
from commonfate.storage.flow import open_reader, open_writer
from commonfate.storage.flow_reader import FlowReader
from commonfate.storage.flow_writer import stage_of
from commonfate.storage.frames import FrameReader

if TYPE_CHECKING:
    from commonfate.flow.estimators.provider import FlowProvider
    from commonfate.flow.extraction.processes import ProcessSettings
    from commonfate.storage.flow_writer import FlowWriter

log = logging.getLogger(__name__)
NAMED = 3
"""Largest number of left-out videos whose reason is repeated in the log."""


@dataclass(frozen=True)
class StoreSpec:
    """Specification of a flow store, apart from its videos' content.

    Attributes:
        provider: source of the flow.
        gaps: from frame t to t + gap.
        storage: `container`, `steps_per_pixel` and `tiff_layout`, the arguments of
            `storage.flow.open_writer`.
        source: settings of the flow source, for provenance.
        device: device of the provider, for provenance.
        own: for videos without a dataset `videos`, the inputs of their frames, and `run_in`, the
            base folder of relative paths; empty for a shard of a dataset.
    """

    provider: "FlowProvider"
    gaps: Sequence[int]
    storage: Mapping[str, Any]
    source: Mapping[str, Any]
    device: str
    own: Mapping[str, Any]

    @property
    def method_key(self) -> str:
        """Digest of everything but gaps and videos."""
        weights = self.provider.weights_sha256
        return _hash([self.source, dict(self.storage), self.provider.description, weights])


def write(
    spec: StoreSpec,
    videos: Sequence[dict[str, Any]],
    manifest: Path,
    frames: Path,
    output: Path,
    settings: "ProcessSettings | None" = None,
    retry: bool = False,
) -> None:
    """Write the flow store of some videos, unless an equal one exists.

    Videos that the existing store has left out are tried again if one of their files has changed.

    Args:
        spec: source, gaps and format of the flow.
        videos: rows of the manifest.
        manifest: file of the manifest, for provenance.
        frames: store of the videos' frames.
        output: the store.
        settings: of the processes that do the work; None does the work in this one.
        retry: also try again videos whose files have not changed.

    Raises:
        UserError: no video gave any flow; of a shard, for another reason than damaged files.
        OSError: the disk is full, ...; pairs staged beside the store are kept.
    """
    provider, gaps = spec.provider, spec.gaps
    record = provenance.record(
        "flow",
        {"source": spec.source, "gaps": list(gaps), **spec.storage},
        inputs=[manifest, frames, *provider.inputs(videos)],
        estimator=provider.description,
        weights_sha256=provider.weights_sha256,
        device=spec.device,
    )
    record |= spec.own
    record["method_key"] = method_key = spec.method_key
    reader = FrameReader(frames)
    contents = _contents(videos, reader, provider, record["inputs"])
    record["key"] = key = _hash([method_key, list(gaps), contents])
    with exclusive(output):
        previous = _existing(output)
        if previous is not None and previous.provenance.get("key") == key:
            again = [item for item in _left_out(previous) if retry or _has_changed(item, reader)]
            if not again:
                _log_existing(previous)
                # Left by a writer that was killed at its end, or with settings of an earlier call.
                shutil.rmtree(stage_of(output), ignore_errors=True)
                return
            log.info("%s: %d of its videos are tried again", output, len(again))
        with open_writer(output, **spec.storage, provenance=record, key=method_key) as writer:
            writer.keep(contents, gaps)
            if previous is not None and previous.provenance.get("method_key") == method_key:
                _keep_unchanged(previous, contents, gaps, writer)
            is_shard = not spec.own
            if settings is None:
                extract(videos, reader, provider, gaps, writer, contents, is_shard)
            else:
                processes.extract(videos, frames, gaps, writer, settings, contents, is_shard)


def is_up_to_date(spec: StoreSpec, output: Path, retry: bool) -> bool:
    """True if the store of a user's unchanged videos exists; needs no frames.

    Args:
        spec, output, retry: as in `write`.
    """
    previous = _existing(output)
    if previous is None:
        return False
    record = previous.provenance
    same = (
        record.get("method_key") == spec.method_key
        and record["settings"]["gaps"] == list(spec.gaps)
        and record.get("videos") == spec.own["videos"]
        and not (retry and _left_out(previous))
    )
    if same:
        _log_existing(previous)
    return same


def _contents(
    videos: Sequence[Mapping[str, Any]],
    frames: FrameReader,
    provider: "FlowProvider",
    hashes: Mapping[str, str],
) -> dict[str, str]:
    """By video, the digest of all its inputs; "" if the frame store lacks the video.

    Args:
        videos: rows of the manifest; those that are not usable are skipped.
        frames: store of the videos' frames.
        provider: source of the flow.
        hashes: SHA-256 of the other files that the provider reads, by path.
    """
    contents = {}
    for video in usable(videos):
        try:
            content = frames.content(video["id"])
        except UserError:  # extraction will leave the video out, with this reason
            content = ""
        others = [hashes[path] for path in provider.inputs([video])]
        contents[video["id"]] = _hash([content, *others]) if others else content
    return contents


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _existing(store: Path) -> FlowReader | None:
    """Open the store; None if there is none that can be read."""
    try:
        reader = open_reader(store)
        reader.provenance  # noqa: B018 - reads the index
    except StoreError:
        return None
    return reader


def _left_out(reader: FlowReader) -> list[dict[str, Any]]:
    return reader.provenance.get("left_out", [])


def _has_changed(item: Mapping[str, Any], frames: FrameReader) -> bool:
    """True if files of a left-out video have changed since."""
    if "files" not in item:
        return False
    try:
        return frames.state(item["video"]) != item["files"]
    except UserError:
        return False


def _log_existing(reader: FlowReader) -> None:
    log.info("%s is there already, made from the same inputs", reader.path)
    for item in _left_out(reader)[:NAMED]:
        log.warning("%s, gaps %s: left out: %s", item["video"], item["gaps"], item["reason"])
    if _left_out(reader):
        log.warning(
            "%s: %d videos lack all or some of their flow; they are tried again when their files "
            "change, or with --retry",
            *(reader.path, len({item["video"] for item in _left_out(reader)})),
        )


def _keep_unchanged(
    previous: FlowReader, contents: Mapping[str, str], gaps: Sequence[int], writer: "FlowWriter"
) -> None:
    """Stage the previous flow of videos whose content is unchanged; damaged pairs are left out."""
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
