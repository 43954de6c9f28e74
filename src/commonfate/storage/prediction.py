"""Zarr v3 codec `commonfate.prediction`: a pair of flow fields as residuals of a prediction.

The bytes are little-endian 16-bit residuals, filled up with zeros to a multiple of 16 bytes: the
bit shuffle of the compressor behind it leaves other lengths as they are, which costs a third to a
half of the compression for frames whose pixels are not a multiple of four.
"""

import math
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
from zarr.abc.codec import ArrayBytesCodec
from zarr.registry import register_codec

from commonfate.storage import delta2d, interpolation
from commonfate.storage.flow_info import Codec
from commonfate.storage.scratch import scratch

UNIT = 8
"""Residuals are filled up to a multiple of so many."""


def encode(steps: np.ndarray, method: Codec) -> np.ndarray:
    """Residuals of a pair.

    Args:
        steps: (2, H, W) int16.
        method: of the prediction.

    Returns:
        (N,) little-endian int16, N the next multiple of 8, in a buffer that the thread uses again
        (see `scratch`).
    """
    residuals = scratch("residuals_encoding", (padded(steps.size),))
    used = residuals[: steps.size]
    if method == "delta2d":
        delta2d.fold(delta2d.differences(steps, used.reshape(steps.shape)))
    else:
        interpolation.encode(steps, used)
    residuals[steps.size :] = 0
    return residuals.astype("<i2", copy=False)


def decode(residuals: np.ndarray, shape: tuple[int, ...], method: Codec) -> np.ndarray:
    """Undo `encode`.

    Args:
        residuals: as `encode` returns them; overwritten.
        shape: (2, H, W).
        method: as given to `encode`.

    Returns:
        `shape` int16, in `residuals` or in a buffer that the thread uses again.

    Raises:
        ValueError: there are too few residuals or too many.
    """
    size = math.prod(shape)
    if residuals.size != padded(size):
        raise ValueError(f"{residuals.size} residuals for {shape}")
    used = residuals[:size].astype(np.int16, copy=False)
    if method == "delta2d":
        return delta2d.sums(delta2d.unfold(used).reshape(shape))
    return interpolation.decode(used, shape)


def padded(size: int) -> int:
    """How many residuals are stored of `size` values."""
    return size + -size % UNIT


@dataclass(frozen=True)
class Prediction(ArrayBytesCodec):
    """`encode` and `decode` as a codec of (1, 2, H, W) int16 chunks.

    Attributes:
        method: of the prediction.
    """

    method: Codec = "delta2d"

    name = "commonfate.prediction"
    is_fixed_size = True

    def __post_init__(self) -> None:
        if self.method not in get_args(Codec):
            raise ValueError(
                f"{self.name}: method must be one of {get_args(Codec)}, not {self.method!r}"
            )

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Prediction":
        if data["name"] != cls.name:
            raise ValueError(f"not {cls.name}: {data}")
        return cls(**data["configuration"])

    def to_dict(self) -> dict[str, Any]:
        return {"name": self.name, "configuration": {"method": self.method}}

    def validate(self, *, shape: tuple[int, ...], dtype: Any, chunk_grid: Any) -> None:
        native = dtype.to_native_dtype()
        if len(shape) != 4 or shape[1] != 2 or native != np.int16:
            raise ValueError(f"{self.name} needs int16 (pairs, 2, H, W), not {native} {shape}")

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: Any) -> int:
        return 2 * padded(input_byte_length // 2)

    def _encode_sync(self, chunk_array: Any, chunk_spec: Any) -> Any:
        pairs = chunk_array.as_numpy_array()
        if len(pairs) != 1:
            raise ValueError(f"{self.name} holds one pair a chunk, not {len(pairs)}")
        residuals = encode(np.ascontiguousarray(pairs[0]), self.method)
        return chunk_spec.prototype.buffer.from_bytes(residuals.tobytes())

    def _decode_sync(self, chunk_bytes: Any, chunk_spec: Any) -> Any:
        residuals = np.frombuffer(bytearray(chunk_bytes.to_bytes()), "<i2")
        pair = decode(residuals, tuple(chunk_spec.shape[1:]), self.method)
        return chunk_spec.prototype.nd_buffer.from_numpy_array(pair[None].copy())

    async def _encode_single(self, chunk_array: Any, chunk_spec: Any) -> Any:
        return self._encode_sync(chunk_array, chunk_spec)

    async def _decode_single(self, chunk_bytes: Any, chunk_spec: Any) -> Any:
        return self._decode_sync(chunk_bytes, chunk_spec)


# Zarr finds it through the entry point too, but only where the package was installed with it.
register_codec(Prediction.name, Prediction)
