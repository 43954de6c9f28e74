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
from commonfate.flow.quality import photometric, stored
from commonfate.flow.settings import FlowSource
from commonfate.storage.flow_reader import FlowReader
from commonfate.storage.frames import FrameReader

if TYPE_CHECKING:
    from commonfate.flow.estimators.base import FlowEstimator

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StoredFlow:
    """The stored flow of a source, and the source as its stores record it.

    Attributes:
        readers: the stores of all shards.
        settings: of the source; None where they are not recorded (flow of another program).
        description: a line for tables.
        weights_sha256: of a network's weights file.
    """

    readers: tuple[FlowReader, ...]
    settings: FlowSource | None
    description: str
    weights_sha256: str | None

    @classmethod
    def of(cls, readers: Sequence[FlowReader]) -> "StoredFlow":
        """Read the provenance of the stores.

        Raises:
            UserError: the stores are of different sources.
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
    flow: StoredFlow,
    truths: Mapping[str, str],
    frames: Sequence[FrameReader],
    sample: int,
    frames_of: Path | None,
    device: str,
) -> dict[str, Any]:
    """Measure everything.

    Args:
        flow: the flow to measure.
        truths: path of the truth by video name.
        frames: stores of the videos' frames.
        sample: number of pairs that are estimated again, and of pairs from `frames_of`.
        frames_of: folder of real frames for the photometric error.
        device: where networks run.

    Returns:
        `description`; `parts`, see `stored.measure`; `bytes` of the stores and `pairs` in them;
        `sample`, see `stored.measure_rounding`, and `photometric`, see `photometric.measure`: None
        where there is nothing to measure.

    Raises:
        UserError: no video has exact flow, or the weights are no longer those of the stores.
    """
    pairs = stored.pairs(flow.readers, truths)
    sampled = spread(pairs, sample)
    rounding, warping = None, None
    if flow.settings is None:
        log.info("the stores do not tell their flow source, so no pair is estimated again")
    elif flow.settings.estimator == "truth":
        rounding = stored.measure_rounding(sampled, truths, _from_truth(truths))
    else:
        estimator = _estimator(flow, flow.settings, device)
        readers = {video: reader for reader in frames for video in reader.videos}
        exact = stored.estimating(estimator, readers)
        rounding = stored.measure_rounding(sampled, truths, exact)
        if frames_of is not None:
            images = photometric.frame_pairs(frames_of, sample)
            warping = photometric.measure(estimator, images, frames_of)
    return {
        "description": flow.description,
        "parts": stored.measure(pairs, truths),
        "bytes": stored.size_bytes(flow.readers),
        "pairs": stored.count(flow.readers),
        "sample": rounding,
        "photometric": warping,
    }


def _from_truth(truths: Mapping[str, str]) -> stored.Exact:
    return lambda pair: truth.flow(truths[pair.video], pair.t, pair.gap)


def _estimator(flow: StoredFlow, settings: FlowSource, device: str) -> "FlowEstimator":
    from commonfate.flow.estimators import registry

    estimator = registry.create(settings, device)
    if estimator.weights_sha256 != flow.weights_sha256:
        raise UserError(
            f"{flow.readers[0].path}: the weights have changed since (then sha256 "
            f"{str(flow.weights_sha256)[:12]}, now {str(estimator.weights_sha256)[:12]}); "
            f"estimate the flow again"
        )
    return estimator
