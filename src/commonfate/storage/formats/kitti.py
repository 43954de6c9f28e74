"""KITTI flow: 16-bit RGB PNG. Red is 64 u + 32768, green 64 v + 32768, blue says whether it holds.

Menze and Geiger, "Object Scene Flow for Autonomous Vehicles", CVPR 2015, development kit. Only
[-512, 512) px fit: a pixel beyond is written as not valid and counted, never wrapped or clipped.
"""

from pathlib import Path

import imagecodecs
import numpy as np

from commonfate.storage.damage import broken, decoding

STEPS_PER_PIXEL = 64
ZERO = 2**15
LARGEST = 2**16 - 1
COMPRESSION = 4


def read(path: str | Path) -> np.ndarray:
    """Read a file.

    Returns:
        (2, H, W) float32, u then v, pixels; NaN in both where the pixel is not valid.

    Raises:
        StoreError: the file is missing, damaged, or no 16-bit RGB PNG.
    """
    path = Path(path)
    with decoding(path, "KITTI flow"):
        samples = imagecodecs.png_decode(path.read_bytes())
    if samples.dtype != np.uint16 or samples.ndim != 3 or samples.shape[2] != 3:
        raise broken(
            path,
            f"holds {samples.dtype} {samples.shape}, but KITTI flow is a 16-bit RGB image",
            "keep pictures of flow, or frames, out of the folder",
        )
    flow = (np.moveaxis(samples[..., :2], -1, 0).astype(np.float32) - ZERO) / STEPS_PER_PIXEL
    flow[:, samples[..., 2] == 0] = np.nan
    return flow


def write(path: str | Path, flow: np.ndarray) -> int:
    """Write a file.

    Args:
        path: the file.
        flow: (2, H, W) float, pixels, rounded to the nearest 1/64; not valid where a component is
            NaN, infinite or does not fit.

    Returns:
        Number of pixels with a value that the format cannot hold.
    """
    finite = np.isfinite(flow).all(axis=0)
    steps = np.rint(np.where(finite, flow, 0).astype(np.float64) * STEPS_PER_PIXEL) + ZERO
    fits = ((steps >= 0) & (steps <= LARGEST)).all(axis=0)
    valid = finite & fits
    samples = np.zeros((*valid.shape, 3), np.uint16)  # the kit leaves all three 0 where not valid
    samples[valid, :2] = np.moveaxis(steps, 0, -1)[valid]
    samples[valid, 2] = 1
    Path(path).write_bytes(imagecodecs.png_encode(samples, level=COMPRESSION))
    return int((finite & ~fits).sum())
