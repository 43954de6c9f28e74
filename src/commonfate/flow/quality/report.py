"""All measurements of one flow source on one dataset."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from commonfate.base.errors import UserError
from commonfate.base.settings import parse
from commonfate.datasets.sprites import truth
from commonfate.flow.drawing.review import spread
from commonfate.flow.quality import (
    photometric as quality_photometric,
)
from commonfate.flow.quality import (
    sample as quality_sample,
)
from commonfate.flow.quality import (
    stored as quality_stored,
)
from commonfate.flow.settings import FlowSource
from commonfate.storage.flow_reader import FlowReader
from commonfate.storage.frames import FrameReader

if TYPE_CHECKING:
    from commonfate.flow.estimators.base import FlowEstimator

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Stored:
    """The stored flow of a source, with what its stores tell of it.

    Attributes:
        readers: the stores of all shards.
        settings: of the source; None where the stores do not tell (flow of another program).
        description: a line for tables.
        weights_sha256: of a network's weights file.
    """

    readers: tuple[FlowReader, ...]
    settings: FlowSource | None
    description: str
    weights_sha256: str | None

    @classmethod
    def of(cls, readers: Sequence[FlowReader]) -> "Stored":
        """Ask the stores.

        Raises:
            UserError: they are of different sources.
        """
        keys = ("estimator", "weights_sha256")
        records = [reader.provenance for reader in readers]
        for reader, record in zip(readers, records, strict=True):
            if any(record.get(key) != records[0].get(key) for key in keys):
                raise UserError(
                    f"{reader.path}: its flow is of {record.get('estimator')}, that of "
                    f"{readers[0].path} of {records[0].get('estimator')}; give stores of one source"
                )
        values = records[0].get("settings", {}).get("source")
        return cls(
            tuple(readers),
            None if values is None else parse(FlowSource, values, str(readers[0].path)),
            records[0].get("estimator", "unknown estimator"),
            records[0].get("weights_sha256"),
        )


def report(
    stored: Stored,
    truths: Mapping[str, str],
    frames: Sequence[FrameReader],
    sample: int,
    frames_of: Path | None,
    device: str,
) -> dict[str, Any]:
    """Measure everything.

    Args:
        stored: the flow.
        truths: path of the truth by name of the video.
        frames: stores of the videos' frames.
        sample: how many pairs are estimated again, and how many of `frames_of` are looked at.
        frames_of: folder of real frames for the photometric error, if there is one.
        device: where networks run.

    Returns:
        `description`; `parts`, see `quality_stored.measure`; `bytes` of the stores and `pairs` in
        them; `sample`, see `quality_sample.measure`, and `photometric`, see
        `quality_photometric.measure`, None where there is nothing to measure.

    Raises:
        UserError: no video has exact flow, or the weights are no longer those of the stores.
    """
    found = quality_stored.pairs(stored.readers, truths)
    rounding, photometric = None, None
    if stored.settings is None:
        log.info("the stores do not tell their flow source, so no pair is estimated again")
    elif stored.settings.estimator == "truth":
        rounding = quality_sample.measure(spread(found, sample), truths, _from_truth(truths))
    else:
        estimator = _estimator(stored, device)
        readers = {video: reader for reader in frames for video in reader.videos}
        again = quality_sample.estimating(estimator, readers)
        rounding = quality_sample.measure(spread(found, sample), truths, again)
        if frames_of is not None:
            images = quality_photometric.frame_pairs(frames_of, sample)
            photometric = quality_photometric.measure(estimator, images, frames_of)
    return {
        "description": stored.description,
        "parts": quality_stored.measure(found, truths),
        "bytes": quality_stored.size_bytes(stored.readers),
        "pairs": quality_stored.count(stored.readers),
        "sample": rounding,
        "photometric": photometric,
    }


def _from_truth(truths: Mapping[str, str]) -> quality_sample.Exact:
    return lambda pair: truth.flow(truths[pair.video], pair.t, pair.gap)


def _estimator(stored: Stored, device: str) -> "FlowEstimator":
    from commonfate.flow.estimators import registry as estimators

    estimator = estimators.create(stored.settings, device)
    if estimator.weights_sha256 != stored.weights_sha256:
        raise UserError(
            f"{stored.readers[0].path}: the weights have changed since (then sha256 "
            f"{str(stored.weights_sha256)[:12]}, now {str(estimator.weights_sha256)[:12]}); "
            f"estimate the flow again"
        )
    return estimator
