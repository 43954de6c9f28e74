"""PFM as FlyingThings3D holds flow: three float32 channels (u, v, 0), rows from the bottom.

Mayer et al., "A Large Dataset to Train Convolutional Networks for Disparity, Optical Flow, and
Scene Flow Estimation", CVPR 2016. The sign of the scale in the header gives the order of bytes.
"""

import re
from pathlib import Path

import numpy as np

from commonfate.storage.damage import broken, decoding

NUMBER = rb"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
HEADER = re.compile(rb"PF\s+(\d{1,9})\s+(\d{1,9})\s+(" + NUMBER + rb")(?:\r\n|\s)")


def read(path: str | Path) -> np.ndarray:
    """Read a file.

    Returns:
        (2, H, W) float32, u then v, pixels; NaN in both where a component is NaN or infinite.

    Raises:
        StoreError: the file is missing, cut off, too long, of scale 0, or no PFM of three channels.
    """
    path = Path(path)
    with decoding(path, "PFM"):
        data = path.read_bytes()
    header = HEADER.match(data)
    if header is None:
        problem = f"begins with {data[:3]!r}, not with the header of a PFM of three channels"
        raise broken(path, problem, "name its real format by --from")
    if float(header[3]) == 0:
        raise broken(path, f"has scale {header[3].decode()}, which tells no order of bytes")
    width, height = int(header[1]), int(header[2])
    if (size := len(data) - header.end()) != (whole := 12 * width * height) or not whole:
        raise broken(path, f"has {size} bytes of pixels, but {width}x{height} take {whole}")
    order = "<" if header[3].startswith(b"-") else ">"
    pixels = np.frombuffer(data, f"{order}f4", offset=header.end()).reshape(height, width, 3)
    flow = np.moveaxis(pixels[::-1, :, :2], -1, 0).astype(np.float32, order="C")
    flow[:, ~np.isfinite(flow).all(axis=0)] = np.nan
    return flow


def write(path: str | Path, flow: np.ndarray) -> int:
    """Write a file.

    Args:
        path: the file.
        flow: (2, H, W) float, pixels; both components become NaN where one is NaN or infinite.

    Returns:
        0: every value fits.
    """
    _, height, width = flow.shape
    pixels = np.zeros((height, width, 3), "<f4")
    pixels[..., :2] = np.moveaxis(flow, 0, -1)
    pixels[~np.isfinite(pixels).all(axis=-1), :2] = np.nan
    with Path(path).open("wb") as file:
        file.write(f"PF\n{width} {height}\n-1.0\n".encode())
        file.write(np.ascontiguousarray(pixels[::-1]).data)
    return 0
