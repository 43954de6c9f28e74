"""Base class of the readers of stored flow."""

from abc import abstractmethod
from typing import Any

import numpy as np

from commonfate.storage.damage import unknown
from commonfate.storage.flow_info import FORMAT, FlowInfo, part_name
from commonfate.storage.quantize import dequantize
from commonfate.storage.store import StoreReader


class FlowReader(StoreReader):
    """Read stored flow, whichever container holds it; made by `open_reader`.

    Raises (every method):
        StoreError: the store is missing or damaged, or does not hold what is asked for.
    """

    verb = "flow"
    format = FORMAT

    def gaps(self, video: str) -> list[int]:
        """Gaps stored of a video, ascending."""
        return sorted(int(gap) for gap in self._video(video, f"flow of video {video!r}"))

    def frames_with_flow(self, video: str, gap: int) -> range:
        """The t for which `read` has flow; empty where the video is shorter than the gap."""
        return self._info(video, gap).sources

    def statistics(self, video: str, gap: int) -> dict[str, int]:
        """Pixels over all pairs: `saturated`, `invalid` (no value), and `pixels` (all)."""
        info = self._info(video, gap)
        pixels = len(info.sources) * info.height * info.width
        return {"saturated": info.saturated, "invalid": info.invalid, "pixels": pixels}

    def pair_counts(self, video: str, gap: int) -> dict[str, list[int]]:
        """`saturated` and `invalid` pixels of each pair, in the order of `frames_with_flow`."""
        counts = self._load_counts(self._info(video, gap))
        return {name: counts[f"{name}_by_pair"] for name in ("saturated", "invalid")}

    def info(self, video: str, gap: int) -> FlowInfo:
        """Frames, size and quantization of a video's flow."""
        return self._info(video, gap)

    def read(self, video: str, gap: int, t: int) -> np.ndarray:
        """Flow from frame t to t + gap.

        Returns:
            (2, H, W) float32, u then v, pixels per gap; NaN where there is no value.
        """
        return dequantize(self._pair(video, gap, t), self._info(video, gap).steps_per_pixel)

    def read_steps(self, video: str, gap: int, t: int) -> np.ndarray:
        """Flow from frame t to t + gap in the steps that are stored.

        Returns:
            (2, H, W) int16, u then v, steps; `quantize.NO_VALUE` where there is no value.
        """
        return self._pair(video, gap, t).copy()

    def _pair(self, video: str, gap: int, t: int) -> np.ndarray:
        """`read_steps`, in a buffer that may be used again for the next pair."""
        item = f"{part_name(video, gap)}, frame {t}"
        info = self._info(video, gap, item)
        if t not in info.sources:
            raise unknown(self.path, item, t, info.sources)
        return self._load(info, info.sources.index(t), item)

    def _info(self, video: str, gap: int, item: str | None = None) -> FlowInfo:
        item = item or part_name(video, gap)
        gaps = self._video(video, item)
        if str(gap) not in gaps:
            raise unknown(self.path, item, gap, sorted(gaps, key=int))
        return FlowInfo.from_attributes(gaps[str(gap)])

    @abstractmethod
    def _load(self, info: FlowInfo, position: int, item: str) -> np.ndarray:
        """The pair at a position, (2, H, W) int16, in a buffer that the thread may use again.

        Args:
            info: of the part.
            position: in `info.sources`.
            item: description of the pair, for messages.
        """

    @abstractmethod
    def _load_counts(self, info: FlowInfo) -> dict[str, Any]:
        """Attributes of a part, with `saturated_by_pair` and `invalid_by_pair`."""
