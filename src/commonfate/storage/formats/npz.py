"""NumPy `.npz`: `flow`, (2, H, W) float32 pixels, NaN where there is no value, and its video.

There is no convention for flow in `.npz`: this one is ours. These others are read, too:

- the array called `flow`; without it the only array of the file that can be flow, whatever its
  name (`arr_0` is what `numpy.savez` gives); without that a pair called `u` and `v`, each (H, W);
- (2, H, W) where the first axis has length 2, else (H, W, 2);
- any type of real numbers.
"""

from pathlib import Path
from typing import Any

import numpy as np

from commonfate.storage.damage import broken, decoding

UNITS = "pixels; u (to the right), v (down); NaN: no value"


def read(path: str | Path) -> np.ndarray:
    """Read a file.

    Returns:
        (2, H, W) float32, u then v, pixels; NaN where there is no value.

    Raises:
        StoreError: the file is missing, damaged, or holds no array that is flow.
    """
    path = Path(path)
    with decoding(path, "npz"):
        file = np.load(path)
        if isinstance(file, np.ndarray):
            raise broken(path, "holds a bare array, not an archive", "save it by numpy.savez")
        with file:
            arrays = {name: array for name, array in file.items() if array.ndim in (2, 3)}
    flow = _choose(path, arrays)
    return np.ascontiguousarray(flow if flow.shape[0] == 2 else np.moveaxis(flow, -1, 0), "f4")


def write(path: str | Path, flow: np.ndarray, **about: Any) -> int:
    """Write a file.

    Args:
        path: the file.
        flow: (2, H, W) float, pixels; infinite values become NaN.
        about: text and numbers to keep beside it: `video`, `gap`, `t`.

    Returns:
        0: every value fits.
    """
    flow = np.where(np.isfinite(flow), flow, np.nan).astype(np.float32)
    with Path(path).open("wb") as file:  # a name would get .npz appended
        np.savez_compressed(file, flow=flow, units=UNITS, **about)
    return 0


def _choose(path: Path, arrays: dict[str, np.ndarray]) -> np.ndarray:
    named = {"flow": arrays["flow"]} if "flow" in arrays else arrays
    fields = [array for array in named.values() if _is_flow(array)]
    if len(fields) == 1:
        return fields[0]
    if not fields and {"u", "v"} <= arrays.keys() and _is_pair(arrays["u"], arrays["v"]):
        return np.stack([arrays["u"], arrays["v"]])
    content = ", ".join(f"{name} {array.dtype} {array.shape}" for name, array in arrays.items())
    amount = "several arrays that may be" if fields else "no array that is"
    raise broken(
        path,
        f"holds {amount} flow ({content or 'no array of two or three axes'})",
        "save flow as `flow`, (2, H, W) or (H, W, 2), pixels",
    )


def _is_pair(u: np.ndarray, v: np.ndarray) -> bool:
    return u.ndim == 2 and u.shape == v.shape and _is_real(u) and _is_real(v)


def _is_real(array: np.ndarray) -> bool:
    return array.dtype.kind in "fiu" and array.size > 0


def _is_flow(array: np.ndarray) -> bool:
    return array.ndim == 3 and 2 in (array.shape[0], array.shape[-1]) and _is_real(array)
