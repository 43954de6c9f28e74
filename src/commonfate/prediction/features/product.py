"""The feature store of some videos: left as it is, brought up to date, or made.

A store records the content of each video. If some of them differ from those of an existing store,
the features of the others are kept.
"""

import hashlib
import json
import logging
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from commonfate.base.errors import StoreError
from commonfate.base.files import exclusive
from commonfate.models.encoders import Encoder
from commonfate.prediction.features.extract import Source, check, digest, extract
from commonfate.prediction.features.views import View
from commonfate.storage.feature_info import FORMAT
from commonfate.storage.feature_writer import stage_of
from commonfate.storage.features import FeatureReader, FeatureWriter

log = logging.getLogger(__name__)
NAMED = 3
"""Largest number of left-out videos whose reason is repeated."""
Sources = Callable[[], AbstractContextManager[tuple[Sequence[Source], Mapping[str, str]]]]
"""Opens the videos: those that can be read, and reasons, by name, why others cannot."""


@dataclass(frozen=True)
class Spec:
    """Specification of a store, apart from its videos' content.

    Attributes:
        encoder: in eval mode, on its device.
        view: features and geometry.
        device: description of the device, since devices round differently.
        selection: further settings, e.g. which frames are taken, as JSON can hold them.
        record: provenance.
    """

    encoder: Encoder
    view: View
    device: str
    selection: Mapping[str, Any]
    record: Mapping[str, Any]


def write(
    spec: Spec, contents: Mapping[str, str], sources: Sources, output: Path, batch_size: int
) -> FeatureReader:
    """Write the feature store of some videos, unless an equal one exists.

    Args:
        spec: encoder, view, provenance.
        contents: digest of each video's content, by name.
        sources: opens the same videos; not called if the store exists.
        output: the store.
        batch_size: pictures in a pass.

    Returns:
        The store.

    Raises:
        ConfigError: view and encoder do not fit, see `extract.check`.
        StoreError: there are videos, but none gave any feature.
        OSError: the disk is full, ...; items staged beside the store are kept.
    """
    check(spec.encoder, spec.view)
    weights = digest(spec.encoder)
    selection = dict(spec.selection)
    method_key = _hash([FORMAT, str(spec.view), weights, spec.device, selection])
    key = _hash([method_key, sorted(contents.items())])
    record = {
        **spec.record,
        "encoder_sha256": weights,
        "patch": spec.encoder.patch,
        "device": spec.device,
        "method_key": method_key,
        "key": key,
        "contents": dict(contents),
    }
    with exclusive(output):
        previous = _existing(output)
        if previous is not None and previous.provenance.get("key") == key:
            log.info("%s is there already, made from the same inputs", output)
            shutil.rmtree(stage_of(output), ignore_errors=True)
            return _reported(previous)
        with (
            sources() as (opened, unreadable),
            FeatureWriter(output, str(spec.view), sorted(contents), key, record) as writer,
        ):
            if previous is not None and previous.provenance.get("method_key") == method_key:
                _keep_unchanged(previous, contents, writer)
            failed = extract(opened, spec.encoder, spec.view, writer, batch_size)
            left_out = {**unreadable, **failed}
            frames = {each.name: each.times for each in opened if each.name not in left_out}
            # A shard of a dataset may have no video of a split: its store is empty.
            if contents and not any(frames.values()):
                raise StoreError(f"{output}: no features to store; {_reasons(left_out)}")
            writer.finish(frames, left_out)
    return _reported(FeatureReader(output))


def _existing(path: Path) -> FeatureReader | None:
    """Open the store; None if there is none that can be read."""
    try:
        reader = FeatureReader(path)
        reader.provenance  # noqa: B018 - reads the index
    except StoreError:
        return None
    return reader


def _keep_unchanged(
    previous: FeatureReader, contents: Mapping[str, str], writer: FeatureWriter
) -> None:
    """Stage the previous features of videos whose content is unchanged; damaged ones are not."""
    before = previous.provenance["contents"]
    same = [video for video in previous.videos if before[video] == contents.get(video)]
    if same:
        log.info("%s: the features of %d videos are kept", previous.path, len(same))
    for video in same:
        try:
            times = previous.frames(video)
            seconds = previous.seconds(video) / len(times)
            for t in times:
                if not writer.has(video, t):
                    features = {name: previous.read(video, t, name) for name in previous.names}
                    writer.add(video, t, previous.size(video), features, seconds)
        except StoreError as error:
            log.warning("%s; made anew", error)
    previous.close()


def _reported(reader: FeatureReader) -> FeatureReader:
    if reader.left_out:
        log.warning(
            "%s: %d of %d are left out: %s",
            *(reader.path, len(reader.left_out), len(reader.left_out) + len(reader.videos)),
            _reasons(reader.left_out),
        )
    return reader


def _reasons(left_out: Mapping[str, str]) -> str:
    listed = [f"{name}: {reason}" for name, reason in list(left_out.items())[:NAMED]]
    more = len(left_out) - len(listed)
    return "; ".join([*listed, *([f"and {more} more"] if more else [])])


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
