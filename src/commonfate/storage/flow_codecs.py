"""How a pair is encoded in Zarr: the codecs by name, each also without Zarr's machinery.

`encode` and `decode` do in one go, in the calling thread, what Zarr does with the codecs of
`zarr_settings` (a test compares both ways). Measured by `benchmarks/storage.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numcodecs.blosc
import numpy as np
from zarr.codecs import Crc32cCodec

from commonfate.storage import prediction
from commonfate.storage.checksums import crc32c
from commonfate.storage.flow_info import Codec
from commonfate.storage.prediction import Prediction
from commonfate.storage.scratch import scratch
from commonfate.storage.zarr_zip import blosc

CHECKSUM_BYTES = 4
DECODED_BYTES = slice(4, 8)
"""Where blosc's header says how large the data will be."""
CHAIN = (Prediction.name, "blosc", "crc32c")
BLOSC = blosc(2)
# As zarr.json has it: the codec's own attributes are enumerations up to zarr 3.1, then texts.
_BLOSC = BLOSC.to_dict()["configuration"]


@dataclass(frozen=True)
class FlowCodec:
    """Prediction, blosc and a checksum.

    Attributes:
        name: in `open_writer` and in the config's `flow.codec`; the method of the prediction.
    """

    name: Codec

    def zarr_settings(self) -> dict[str, Any]:
        """The same for `zarr.create_array`."""
        return {
            "filters": [],
            "serializer": Prediction(self.name),
            "compressors": [BLOSC, Crc32cCodec()],
        }

    def encode(self, steps: np.ndarray) -> bytes:
        """A pair, (2, H, W) int16, as it lies in the store, its checksum at the end."""
        encoded = numcodecs.blosc.compress(
            prediction.encode(steps, self.name),
            _BLOSC["cname"].encode(),
            _BLOSC["clevel"],
            numcodecs.blosc.BITSHUFFLE,
            _BLOSC["blocksize"],
            _BLOSC["typesize"],
        )
        return encoded + crc32c(encoded).to_bytes(CHECKSUM_BYTES, "little")

    def decode(self, data: bytes, size: tuple[int, int]) -> np.ndarray:
        """The pair in `encode`'s bytes; `size` is its height and width.

        Returns:
            (2, H, W) int16, in a buffer that the thread uses again for its next pair.

        Raises:
            ValueError: the checksum does not match, or the pair has another size.
        """
        encoded = np.frombuffer(data, np.uint8)[:-CHECKSUM_BYTES]
        if crc32c(encoded) != int.from_bytes(data[-CHECKSUM_BYTES:], "little"):
            raise ValueError("the checksum of the pair does not match")
        residuals = scratch(
            "residuals_decoding", (prediction.padded(2 * size[0] * size[1]),), "<i2"
        )
        if int.from_bytes(encoded[DECODED_BYTES], "little") != residuals.nbytes:
            raise ValueError(f"the pair is not of size {size}")
        numcodecs.blosc.decompress(encoded, residuals)
        return prediction.decode(residuals, (2, *size), self.name)


CODECS = {name: FlowCodec(name) for name in get_args(Codec)}


def codec_of(codecs: Sequence[dict[str, Any]]) -> FlowCodec | None:
    """The codec that Zarr's metadata describe; None where it is none of ours."""
    if tuple(codec["name"] for codec in codecs) != CHAIN:
        return None
    return CODECS.get(codecs[0]["configuration"]["method"])
