"""Flow in the formats of other programs: one module a format, one field a file.

Every format has `read(path) -> (2, H, W) float32`, u then v, pixels, NaN where there is no value,
and `write(path, flow) -> int`, the number of pixels with a value that the format cannot hold.
`FORMATS` lists them by name; `folder` and `folder_writer` handle whole folders.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from commonfate.storage.formats import flo, flowdino, kitti, npz, pfm


@dataclass(frozen=True)
class Format:
    """A format.

    Attributes:
        name: as on the command line.
        suffixes: endings of its files' names; files are written with the first.
        read, write: functions of one field, see above.
        steps_per_pixel: of fixed-point values; 0 if values are floating-point numbers.
        keeps_text: `write` takes keyword arguments and stores them beside the flow.
    """

    name: str
    suffixes: tuple[str, ...]
    read: Callable[..., np.ndarray]
    write: Callable[..., int]
    steps_per_pixel: int = 0
    keeps_text: bool = False


FORMATS = {
    form.name: form
    for form in (
        Format("flo", (".flo",), flo.read, flo.write),
        Format("kitti", (".png",), kitti.read, kitti.write, kitti.STEPS_PER_PIXEL),
        Format("npz", (".npz",), npz.read, npz.write, keeps_text=True),
        Format(
            "flowdino", (".tiff", ".tif"), flowdino.read, flowdino.write, flowdino.STEPS_PER_PIXEL
        ),
        Format("pfm", (".pfm",), pfm.read, pfm.write),
    )
}
