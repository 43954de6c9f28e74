"""Flow that is known exactly: the embedded dataset was rendered from it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from commonfate.config import FlowSource
from commonfate.datasets.sprites import truth
from commonfate.errors import UserError
from commonfate.flow.providers import FlowProvider, Frames


class Truth(FlowProvider):
    """Reads the truth that lies beside each rendered video."""

    def __init__(self, source: FlowSource) -> None:
        for setting in ("weights", "iterations"):
            if getattr(source, setting) is not None:
                raise UserError(f"flow estimator truth: it has no {setting}; leave it out")
        self.description = "exact flow of the rendered scene"

    def inputs(self, videos: Sequence[Mapping[str, Any]]) -> list[str]:
        return [video["truth"] for video in videos if video["truth"]]

    def flows(
        self, video: Mapping[str, Any], frames: Frames, gaps: Sequence[int]
    ) -> Iterator[tuple[int, int, np.ndarray]]:
        if not video["truth"]:
            raise UserError(
                "its flow is not known exactly, only that of the embedded data is; "
                "use an estimator such as dis"
            )
        length = frames.length(video["id"])
        for t in range(length):
            for gap in gaps:
                if 0 <= t + gap < length:
                    yield gap, t, truth.flow(video["truth"], t, gap)
