"""FlowDINO's files: a TIFF a pair, one 32-bit word a pixel, u in the high and v in the low half.

FlowDINO, Section IV, and its released code: components are two's-complement 16-bit integers in
steps of 1/32 px; the paper speaks of a 32-bit float, the code of an int32; files of both types are
read. The code reads with Pillow. It has no missing values: it reads our 'no value' (-32768) as
-1024 px. That is the only value that we read differently.
"""

import math
from pathlib import Path

import numpy as np
import tifffile

from commonfate.storage import packed_int32
from commonfate.storage.damage import broken, decoding
from commonfate.storage.quantize import dequantize, quantize

STEPS_PER_PIXEL = 32
TYPES = ("i4", "u4", "f4")
"""Types of a packed pixel, in any order of bytes."""


def read(path: str | Path) -> np.ndarray:
    """Read a file.

    Returns:
        (2, H, W) float32, u then v, pixels; NaN where a component is -32768.

    Raises:
        StoreError: the file is missing, damaged, or not one page of 32-bit pixels.
    """
    return dequantize(packed_int32.unpack(read_packed(path)), STEPS_PER_PIXEL)


def write(path: str | Path, flow: np.ndarray) -> int:
    """Write a file.

    Args:
        path: the file.
        flow: (2, H, W) float, pixels, rounded to the nearest 1/32 (FlowDINO truncates).

    Returns:
        Number of pixels with a component that saturated at 32767/32 px (FlowDINO overflows).
    """
    steps, saturated = quantize(flow, STEPS_PER_PIXEL)
    write_packed(path, packed_int32.pack(steps))
    return saturated


def read_packed(path: str | Path) -> np.ndarray:
    """The packed pixels of a file, (H, W) int32; errors as of `read`."""
    path = Path(path)
    with decoding(path, "FlowDINO's TIFF"), tifffile.TiffFile(path) as file:
        if len(file.pages) != 1:
            raise broken(
                path,
                f"has {len(file.pages)} pages, but FlowDINO's files hold one",
                "if `commonfate flow` made it, give the folder of the store, which has store.json",
            )
        page = file.pages.first
        typed = page.dtype is not None and page.dtype.str[1:] in TYPES
        if not typed or len(page.shape) != 2 or 0 in page.shape:
            raise broken(
                path,
                f"holds {page.dtype} {page.shape}, but FlowDINO's files one 32-bit word a pixel",
                "keep other images out of the folder",
            )
        if len(page.dataoffsets) != (strips := math.prod(page.chunked)):
            raise broken(path, f"has {len(page.dataoffsets)} of {strips} strips of pixels")
        needed = max(o + n for o, n in zip(page.dataoffsets, page.databytecounts, strict=True))
        if needed > (size := path.stat().st_size):
            raise broken(path, f"ends after {size} of {needed} bytes")
        samples = page.asarray(maxworkers=1)
        return samples.view(f"{samples.dtype.byteorder}i4").astype(np.int32)


def write_packed(path: str | Path, packed: np.ndarray) -> None:
    """Write packed pixels.

    Args:
        path: the file.
        packed: (H, W) int32.
    """
    tifffile.imwrite(
        path,
        packed,
        byteorder="<",
        photometric="minisblack",
        compression="zlib",
        predictor=True,
        rowsperstrip=packed.shape[0],
        metadata=None,
        software=False,
        maxworkers=1,
    )
