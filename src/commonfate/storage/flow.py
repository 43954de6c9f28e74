"""Stored flow: one interface over two containers.

    with open_writer("0000.zarr.zip", provenance=record, key=hash_of_inputs) as writer:
        if not writer.has("bear", 1):
            part = writer.part("bear", 1, frames=82, size=(480, 854))
            for t in part.missing:                        # all, or those that a killed run left
                part.add(t, estimate(t, t + 1))           # (2, 480, 854) float32
    open_reader("0000.zarr.zip").read("bear", 1, t=40)    # (2, 480, 854) float32

`zarr` is one zip a shard of videos, `tiff` a folder with one multi-page file a video and gap.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from commonfate.storage.damage import missing
from commonfate.storage.flow_reader import FlowReader
from commonfate.storage.quantize import STEPS_PER_PIXEL

if TYPE_CHECKING:
    from commonfate.storage.flow_writer import FlowWriter


def open_reader(path: str | Path) -> FlowReader:
    """Open stored flow, in either container.

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
    *,
    provenance: dict[str, Any],
    key: str,
) -> "FlowWriter":
    """Begin a flow store, or continue it. To be used in a `with` statement.

    Pairs are staged beside `path` and survive any interruption, even kill -9. On a clean exit the
    complete parts become `path`. After an exception the staged pairs are kept, and the next writer
    with the same `key` continues. For several processes see `flow_writer`.

    Args:
        path: the store to make: a zip (`zarr`) or a folder (`tiff`).
        container: which of the two.
        steps_per_pixel: quantization.
        tiff_layout: `packed` is FlowDINO's layout of bits.
        provenance: kept in the store, as JSON can hold it.
        key: hash of all that the flow depends on; pairs staged under another key are deleted.
    """
    if container == "tiff":
        from commonfate.storage.tiff_flow import TiffFlowWriter

        return TiffFlowWriter(path, steps_per_pixel, provenance, key, tiff_layout)
    from commonfate.storage.zarr_flow import ZarrFlowWriter

    return ZarrFlowWriter(path, steps_per_pixel, provenance, key)
