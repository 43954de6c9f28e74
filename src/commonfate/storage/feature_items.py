"""Features of one image or frame as bytes: on their way to a store, and in it.

Types: float16 for `tokens`, `keys` and `cls`, whose relative error is then at most 2^-11; float32
for `attention`, whose small values float16 would not resolve, and for `eigenvectors`, whose signs
near 0 count.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from zarr.codecs import BytesCodec, Crc32cCodec

from commonfate.base.errors import UserError
from commonfate.storage.damage import crc32c
from commonfate.storage.feature_info import AXES, DTYPES

LARGEST = float(np.finfo(np.float16).max)
CHECKSUM_BYTES = 4
MAY_LACK = ("eigenvalues",)
"""Features whose missing values are NaN."""
WHOLE = "whole"
"""Group of the arrays of a store that has no maps, only features of whole images."""


class NotStorable(UserError):
    """Features are no finite numbers, or too large for float16; the message says which."""


def storable(name: str, values: np.ndarray) -> np.ndarray:
    """A feature in the type that is stored.

    Args:
        name: one of `DTYPES`.
        values: float, of one item.

    Raises:
        NotStorable: a value is NaN or infinite (but for those of `MAY_LACK`), or larger than
            float16 can hold. Nothing is scaled or cut: such features show a fault of the
            weights, or another scale than encoders have.
    """
    if name not in MAY_LACK and not np.isfinite(values).all():
        raise NotStorable(f"its {name} are not finite: NaN or infinity")
    dtype = np.dtype(DTYPES[name])
    largest = float(np.abs(values).max(initial=0))
    if dtype.itemsize == 2 and largest > LARGEST:
        raise NotStorable(f"its {name} reach {largest:.3g}, more than {LARGEST:.0f} of float16")
    return np.ascontiguousarray(values, dtype)


@dataclass(frozen=True)
class Item:
    """Features of one image or frame, as they are staged; equal are those of equal shapes.

    Attributes:
        size: height and width before resizing and cutting, pixels.
        shapes: of the features, by name.
        starts: positions of the features in the payload.
        seconds: see `FeatureReader.seconds`.
    """

    size: tuple[int, int]
    shapes: dict[str, tuple[int, ...]]
    starts: dict[str, int] = field(compare=False)
    seconds: float = field(compare=False)

    @property
    def group(self) -> str:
        """Name of the group of arrays of this item's shapes, e.g. `28x28`."""
        for name, shape in self.shapes.items():
            sides = dict(zip(AXES[name][1:], shape, strict=True))
            if "y" in sides:
                return f"{sides['y']}x{sides['x']}"
        return WHOLE

    def encoded(self, payload: bytes, name: str) -> bytes:
        """Bytes of a feature in the store: its values and their CRC-32C."""
        start = self.starts[name]
        length = int(np.prod(self.shapes[name])) * np.dtype(DTYPES[name]).itemsize
        values = payload[start : start + length]
        return values + crc32c(values).to_bytes(CHECKSUM_BYTES, "little")

    def length(self, name: str) -> int:
        """Length of `encoded`."""
        return int(np.prod(self.shapes[name])) * np.dtype(DTYPES[name]).itemsize + CHECKSUM_BYTES


def staged(size: tuple[int, int], features: Mapping[str, np.ndarray], seconds: float) -> bytes:
    """Bytes of an item on its way to a store: a line of JSON, then the values of each feature.

    Raises:
        NotStorable: see `storable`.
    """
    arrays = {name: storable(name, values) for name, values in features.items()}
    shapes = {name: list(array.shape) for name, array in arrays.items()}
    head = json.dumps([[int(side) for side in size], shapes, seconds]).encode() + b"\n"
    return head + b"".join(array.tobytes() for array in arrays.values())


def item_of(payload: bytes) -> Item:
    """Description of a staged item."""
    end = payload.index(b"\n") + 1
    (height, width), listed, seconds = json.loads(payload[:end])
    shapes = {name: tuple(shape) for name, shape in listed.items()}
    starts = {}
    for name, shape in shapes.items():
        starts[name] = end
        end += int(np.prod(shape)) * np.dtype(DTYPES[name]).itemsize
    return Item((height, width), shapes, starts, seconds)


def decoded(data: bytes, dtype: str, shape: Sequence[int]) -> np.ndarray:
    """Undo `Item.encoded`; the array is read-only.

    Raises:
        ValueError: the checksum or the length is wrong.
    """
    values = np.frombuffer(data, np.uint8)[:-CHECKSUM_BYTES]
    if crc32c(values) != int.from_bytes(data[-CHECKSUM_BYTES:], "little"):
        raise ValueError("the checksum of the features does not match")
    return values.view(dtype).reshape(shape)


def zarr_settings(name: str) -> dict[str, Any]:
    """Settings of `zarr.create_array` for items that `Item.encoded` encodes.

    Not compressed: blosc (zstd, bitshuffle) makes tokens only 7 % smaller.
    """
    return {
        "dtype": DTYPES[name],
        "fill_value": 0.0,
        "filters": [],
        "serializer": BytesCodec(endian="little"),
        "compressors": [Crc32cCodec()],
        "dimension_names": AXES[name],
    }


def node_of(group: str, name: str) -> str:
    """Node of an array in the store."""
    return f"{group}/{name}"
