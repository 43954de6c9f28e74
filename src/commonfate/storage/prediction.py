"""Flow pairs as they lie in Zarr: 2-D differences (`delta2d`), blosc, and a CRC-32C.

`Prediction` is the first of these as Zarr v3 codec `commonfate.prediction`. Its bytes are
little-endian 16-bit residuals, filled up with zeros to a multiple of 16 bytes: the bit shuffle of
blosc leaves other lengths as they are, which costs a third to a half of the compression for frames
whose pixels are not a multiple of four.

`encode_pair` and `decode_pair` do in one go, in the calling thread, what Zarr does with the codecs
of `zarr_settings` (a test compares both ways). Measured by `benchmarks/storage.py`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numcodecs.blosc
import numpy as np
from zarr.abc.codec import ArrayBytesCodec
from zarr.codecs import Crc32cCodec
from zarr.registry import register_codec

from commonfate.storage import delta2d
from commonfate.storage.damage import crc32c
from commonfate.storage.delta2d import scratch
from commonfate.storage.zarr_zip import blosc

METHOD = "delta2d"
"""Name of the prediction, in the codec's configuration."""
UNIT = 8
"""Residuals are filled up to a multiple of this number."""
CHECKSUM_BYTES = 4
DECODED_BYTES = slice(4, 8)
"""Position, in blosc's header, of the size of the decoded data."""
BLOSC = blosc(2)
# As in zarr.json: the codec's own attributes are enumerations up to zarr 3.1, then texts.
_BLOSC: Any = BLOSC.to_dict()["configuration"]


def residuals_of(steps: np.ndarray) -> np.ndarray:
    """Residuals of a pair.

    Args:
        steps: (2, H, W) int16.

    Returns:
        (N,) little-endian int16, N the next multiple of 8, in a buffer that the thread uses again
        (see `scratch`).
    """
    residuals = scratch("residuals_encoding", (padded(steps.size),))
    used = residuals[: steps.size]
    delta2d.fold(delta2d.differences(steps, used.reshape(steps.shape)))
    residuals[steps.size :] = 0
    return residuals.astype("<i2", copy=False)


def pair_of(residuals: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Undo `residuals_of`.

    Args:
        residuals: as `residuals_of` returns them; overwritten.
        shape: (2, H, W).

    Returns:
        `shape` int16, in `residuals`.

    Raises:
        ValueError: there are too few residuals or too many.
    """
    size = math.prod(shape)
    if residuals.size != padded(size):
        raise ValueError(f"{residuals.size} residuals for {shape}")
    used = residuals[:size].astype(np.int16, copy=False)
    return delta2d.sums(delta2d.unfold(used).reshape(shape))


def padded(size: int) -> int:
    """Number of residuals that are stored of `size` values."""
    return size + -size % UNIT


def encode_pair(steps: np.ndarray) -> bytes:
    """Encode a pair, (2, H, W) int16, as one chunk of the store; its checksum is at the end."""
    encoded = numcodecs.blosc.compress(
        residuals_of(steps),
        _BLOSC["cname"].encode(),
        _BLOSC["clevel"],
        numcodecs.blosc.BITSHUFFLE,
        _BLOSC["blocksize"],
        _BLOSC["typesize"],
    )
    return encoded + crc32c(encoded).to_bytes(CHECKSUM_BYTES, "little")


def decode_pair(data: bytes, size: tuple[int, int]) -> np.ndarray:
    """Undo `encode_pair`.

    Args:
        data: one chunk of the store.
        size: height and width of the pair.

    Returns:
        (2, H, W) int16, in a buffer that the thread uses again for its next pair.

    Raises:
        ValueError: the checksum does not match, or the pair has another size.
    """
    encoded = np.frombuffer(data, np.uint8)[:-CHECKSUM_BYTES]
    if crc32c(encoded) != int.from_bytes(data[-CHECKSUM_BYTES:], "little"):
        raise ValueError("the checksum of the pair does not match")
    residuals = scratch("residuals_decoding", (padded(2 * size[0] * size[1]),), "<i2")
    if int.from_bytes(encoded[DECODED_BYTES], "little") != residuals.nbytes:
        raise ValueError(f"the pair is not of size {size}")
    numcodecs.blosc.decompress(encoded, residuals)
    return pair_of(residuals, (2, *size))


@dataclass(frozen=True)
class Prediction(ArrayBytesCodec):
    """`residuals_of` and `pair_of` as a codec of (1, 2, H, W) int16 chunks."""

    name = "commonfate.prediction"
    is_fixed_size = True

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Prediction":
        if data != cls().to_dict():
            raise ValueError(f"the codec must be {cls().to_dict()}, not {data}")
        return cls()

    def to_dict(self) -> dict[str, Any]:
        return {"name": self.name, "configuration": {"method": METHOD}}

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
        residuals = residuals_of(np.ascontiguousarray(pairs[0]))
        return chunk_spec.prototype.buffer.from_bytes(residuals.tobytes())

    def _decode_sync(self, chunk_bytes: Any, chunk_spec: Any) -> Any:
        residuals = np.frombuffer(bytearray(chunk_bytes.to_bytes()), "<i2")
        pair = pair_of(residuals, tuple(chunk_spec.shape[1:]))
        return chunk_spec.prototype.nd_buffer.from_numpy_array(pair[None].copy())

    async def _encode_single(self, chunk_array: Any, chunk_spec: Any) -> Any:
        return self._encode_sync(chunk_array, chunk_spec)

    async def _decode_single(self, chunk_bytes: Any, chunk_spec: Any) -> Any:
        return self._decode_sync(chunk_bytes, chunk_spec)


# Zarr finds it through the entry point too, but only where the package was installed with it.
register_codec(Prediction.name, Prediction)


def zarr_settings() -> dict[str, Any]:
    """Settings of `zarr.create_array` for chunks that `encode_pair` encodes."""
    return {
        "filters": [],
        "serializer": Prediction(),
        "compressors": [BLOSC, Crc32cCodec()],
    }


def check_codecs(codecs: Sequence[dict[str, Any]]) -> None:
    """Check that `decode_pair` reads what Zarr's metadata describe.

    Raises:
        ValueError: the codecs are not those of `zarr_settings`.
    """
    if [codec["name"] for codec in codecs] != [Prediction.name, "blosc", "crc32c"]:
        raise ValueError(f"its codecs are unknown: {[codec['name'] for codec in codecs]}")
    Prediction.from_dict(codecs[0])
