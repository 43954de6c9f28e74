"""Middlebury `.flo`: float32 pixels, u and v interleaved, rows from the top.

Baker et al., "A Database and Evaluation Methodology for Optical Flow", and the header of its code:
the number 202021.25 (the letters PIEH), width, height, then the pixels; a component beyond 1e9
means that the flow of the pixel is unknown. Little-endian on every platform. There is no checksum:
only a wrong length shows damage.
"""

from pathlib import Path

import numpy as np

from commonfate.storage.damage import broken, decoding

MAGIC = np.float32(202021.25).tobytes()
HEADER = 12
UNKNOWN = 1e10
"""Written where there is no value."""
UNKNOWN_BEYOND = 1e9
"""Read as no value."""


def read(path: str | Path) -> np.ndarray:
    """Read a file.

    Returns:
        (2, H, W) float32, u then v, pixels; NaN in both where a component is unknown.

    Raises:
        StoreError: the file is missing, cut off, too long, or no `.flo`.
    """
    path = Path(path)
    with decoding(path, "Middlebury flow"):
        data = path.read_bytes()
    if data[:4] != MAGIC:
        problem = f"begins with {data[:4]!r} instead of {MAGIC!r}" if data else "is empty"
        problem += ", so it is no Middlebury flow"
        raise broken(path, problem, "name its real format by --from")
    if len(data) < HEADER:
        raise broken(path, f"ends after {len(data)} of {HEADER} bytes of its header")
    width, height = (int(number) for number in np.frombuffer(data[4:HEADER], "<i4"))
    if width < 1 or height < 1:
        raise broken(path, f"says that it is {width} pixels wide and {height} high")
    if len(data) != (whole := HEADER + 8 * width * height):
        amount = (
            f"ends after {len(data)} of" if len(data) < whole else f"has {len(data)} instead of"
        )
        raise broken(path, f"{amount} the {whole} bytes that {width}x{height} pixels take")
    pixels = np.frombuffer(data, "<f4", offset=HEADER).reshape(height, width, 2)
    flow = np.moveaxis(pixels, -1, 0).astype(np.float32, order="C")
    # Not `>`: NaN, which some programs write in place of 1e10, is unknown as well.
    flow[:, ~(np.abs(flow) <= UNKNOWN_BEYOND).all(axis=0)] = np.nan
    return flow


def write(path: str | Path, flow: np.ndarray) -> int:
    """Write a file.

    Args:
        path: the file.
        flow: (2, H, W) float, pixels; both components become 1e10 where one is NaN or infinite.

    Returns:
        0: every value fits.
    """
    finite = np.isfinite(flow).all(axis=0)
    pixels = np.moveaxis(np.where(finite, flow, UNKNOWN), 0, -1).astype("<f4")
    size = np.array(finite.shape[::-1], "<i4")
    with Path(path).open("wb") as file:
        file.write(MAGIC + size.tobytes())
        file.write(np.ascontiguousarray(pixels).data)
    return 0
