"""Stored flow: one interface over two containers.

    with open_writer("0000.zarr.zip", provenance=record, key=hash_of_inputs) as writer:
        if not writer.has("bear", 1):
            part = writer.part("bear", 1, frames=82, size=(480, 854))
            for t in part.missing:                        # all, or what a killed run left
                part.add(t, estimate(t, t + 1))           # (2, 480, 854) float32
    open_reader("0000.zarr.zip").read("bear", 1, t=40)    # (2, 480, 854) float32

`zarr` is one zip a shard of videos, `tiff` a folder with one multi-page file a video and gap.
"""

from abc import abstractmethod
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from commonfate.base.errors import StoreError
from commonfate.storage.damage import missing, unknown
from commonfate.storage.quantize import NO_VALUE, STEPS_PER_PIXEL, dequantize
from commonfate.storage.reader import StoreReader

if TYPE_CHECKING:
    from commonfate.storage.flow_writer import FlowWriter

FORMAT = 2
"""Of the stores; 1 had a zip entry a pair, and is read still. Part of the key of staged work."""
Codec = Literal["delta2d", "interpolation"]
"""How Zarr's pairs are predicted before blosc; `interpolation` suits flow with flat parts (DIS)."""


def sources(frames: int, gap: int) -> range:
    """The frames t for which both t and t + gap are among `frames` frames."""
    return range(max(0, -gap), min(frames, frames - gap))


@dataclass(frozen=True)
class FlowInfo:
    """What is stored of one video and gap.

    Attributes:
        frames: of the video; flow exists for `sources(frames, gap)`.
        height, width: of the flow.
        steps_per_pixel: of the quantization.
        saturated: pixels, over all pairs, of which a component saturated.
        invalid: pixels, over all pairs, of which a component has no value.
        content: digest of what the flow is made of, as the writer was given it; "" if it was not.
    """

    video: str
    gap: int
    frames: int
    height: int
    width: int
    steps_per_pixel: int
    saturated: int = 0
    invalid: int = 0
    content: str = ""

    def __str__(self) -> str:
        return _name(self.video, self.gap)

    @property
    def sources(self) -> range:
        """The frames that flow starts from."""
        return sources(self.frames, self.gap)

    def attributes(self) -> dict[str, Any]:
        """All fields, and what a reader without this package needs to make sense of the numbers."""
        return {
            **asdict(self),
            "first_frame": self.sources.start,
            "components": "u (to the right), v (down)",
            "units": "steps; divided by steps_per_pixel: pixels per gap",
            "no_value": NO_VALUE,
        }

    @classmethod
    def from_attributes(cls, attributes: dict[str, Any]) -> "FlowInfo":
        """The inverse of `attributes`."""
        # Stores of before do not tell the content.
        return cls(**{n: attributes[n] for n in cls.__dataclass_fields__ if n in attributes})


class FlowReader(StoreReader):
    """Read stored flow, whichever container it is in; made by `open_reader`.

    Raises (every method):
        StoreError: the store is missing or damaged, or does not hold what is asked for.
    """

    verb = "flow"

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
        """`saturated` and `invalid` pixels of each pair, in the order of `frames_with_flow`.

        Raises:
            StoreError: also where the store was written without them, in format 1.
        """
        counts = self._load_counts(self._info(video, gap))
        if "saturated_by_pair" not in counts:
            raise StoreError(
                f"{self.path}: written before counts were kept for each pair; delete it and run "
                "the same command again"
            )
        return {name: counts[f"{name}_by_pair"] for name in ("saturated", "invalid")}

    def info(self, video: str, gap: int) -> FlowInfo:
        """Frames, size and quantization of a video's flow."""
        return self._info(video, gap)

    @property
    def codec(self) -> str:
        """How pairs are encoded: a `Codec`, or the layout of TIFF files.

        Empty where the store was written in format 1, which did not say.
        """
        return self._index("the codec").get("codec", "")

    def read(self, video: str, gap: int, t: int) -> np.ndarray:
        """Flow from frame t to t + gap.

        Returns:
            (2, H, W) float32, u then v, pixels per gap; NaN where there is no value.
        """
        return dequantize(self._pair(video, gap, t), self._info(video, gap).steps_per_pixel)

    def read_steps(self, video: str, gap: int, t: int) -> np.ndarray:
        """Flow from frame t to t + gap as it is stored.

        Returns:
            (2, H, W) int16, u then v, steps; `quantize.NO_VALUE` where there is no value.
        """
        return self._pair(video, gap, t).copy()

    def _pair(self, video: str, gap: int, t: int) -> np.ndarray:
        """`read_steps`, in a buffer that may be used again for the next pair."""
        what = f"{_name(video, gap)}, frame {t}"
        info = self._info(video, gap, what)
        if t not in info.sources:
            raise unknown(self.path, what, t, info.sources)
        return self._load(info, info.sources.index(t), what)

    def _info(self, video: str, gap: int, what: str | None = None) -> FlowInfo:
        what = what or _name(video, gap)
        gaps = self._video(video, what)
        if str(gap) not in gaps:
            raise unknown(self.path, what, gap, sorted(gaps, key=int))
        return FlowInfo.from_attributes(gaps[str(gap)])

    @abstractmethod
    def _load(self, info: FlowInfo, position: int, what: str) -> np.ndarray:
        """The pair at a position, (2, H, W) int16; `what` it is, for the error.

        It may lie in a buffer that the thread uses again.
        """

    @abstractmethod
    def _load_counts(self, info: FlowInfo) -> dict[str, Any]:
        """What is written of a part, `saturated_by_pair` and `invalid_by_pair` among it."""


def _name(video: str, gap: int) -> str:
    return f"flow of video {video!r}, gap {gap}"


def open_reader(path: str | Path) -> FlowReader:
    """Open stored flow, whichever container it is.

    Raises:
        StoreError: there is nothing at `path`.
    """
    path = Path(path)
    if path.is_dir():
        from commonfate.storage.tiff_flow import TiffFlowReader

        return TiffFlowReader(path)
    if path.is_file():
        from commonfate.storage.zarr_flow import ZarrFlowReader

        return ZarrFlowReader(path)
    raise missing(path, FlowReader.verb)


def open_writer(
    path: str | Path,
    container: Literal["zarr", "tiff"] = "zarr",
    steps_per_pixel: int = STEPS_PER_PIXEL,
    tiff_layout: Literal["packed", "planar"] = "planar",
    codec: Codec = "delta2d",
    *,
    provenance: dict[str, Any],
    key: str,
) -> "FlowWriter":
    """Begin, or go on with, a flow store. To be used in a `with` statement.

    Pairs are staged beside `path` and survive any interruption, kill -9 included. On a clean exit
    the complete parts become `path`; after an exception all stays, and the next writer with the
    same `key` goes on from there. For several processes see `flow_writer`.

    Args:
        path: the store to make: a zip (`zarr`) or a folder (`tiff`).
        container: which of the two.
        steps_per_pixel: quantization.
        tiff_layout: `packed` is FlowDINO's layout of bits.
        codec: of `zarr`; `interpolation` makes DIS flow a fifth smaller in over twice the time,
            flow that is nowhere flat a tenth larger.
        provenance: kept in the store, as JSON can hold it.
        key: hash of all that the flow depends on; work staged under another key is thrown away.

    Raises:
        ValueError: there is no such codec.
    """
    if codec not in get_args(Codec):
        raise ValueError(f"codec must be one of {get_args(Codec)}, not {codec!r}")
    if container == "tiff":
        from commonfate.storage.tiff_flow import TiffFlowWriter

        return TiffFlowWriter(path, steps_per_pixel, provenance, key, tiff_layout)
    from commonfate.storage.zarr_flow import ZarrFlowWriter

    return ZarrFlowWriter(path, steps_per_pixel, provenance, key, codec)
