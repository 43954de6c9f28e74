"""File formats of flow for the benchmarks: each writes a list of pairs to a folder and reads one.

`commonfate`'s stores are written and read through `storage.flow`, everything included; the others
in the way that their users do it, a file a pair.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import imagecodecs
import numcodecs.blosc
import numpy as np
import tifffile

from commonfate.storage import packed_int32
from commonfate.storage.flow import open_reader, open_writer
from commonfate.storage.flow_reader import FlowReader
from commonfate.storage.quantize import dequantize, quantize

FLO_MAGIC = np.float32(202021.25)
OFFSET = 1 << 15


@dataclass(frozen=True)
class Format:
    """A format of flow files.

    Attributes:
        name: in the table.
        write: takes a folder that does not exist and the flow, (2, H, W) float32 each.
        open: takes the folder, returns a function that reads pair t.
    """

    name: str
    write: Callable[[Path, list[np.ndarray]], None]
    open: Callable[[Path], Callable[[int], np.ndarray]]


def per_file(
    name: str,
    suffix: str,
    encode: Callable[[np.ndarray], bytes],
    decode: Callable[[bytes], np.ndarray],
) -> Format:
    """A format with a file a pair."""

    def write(folder: Path, flows: list[np.ndarray]) -> None:
        folder.mkdir()
        for t, flow in enumerate(flows):
            (folder / f"{t:05d}{suffix}").write_bytes(encode(flow))

    return Format(name, write, lambda folder: Files(folder, suffix, decode))


@dataclass(frozen=True)
class Files:
    """Pair t of a folder; picklable where `decode` is."""

    folder: Path
    suffix: str
    decode: Callable[[bytes], np.ndarray]

    def __call__(self, t: int) -> np.ndarray:
        return self.decode((self.folder / f"{t:05d}{self.suffix}").read_bytes())


def store(name: str, **settings: Any) -> Format:
    """A store of this package."""

    def write(folder: Path, flows: list[np.ndarray]) -> None:
        with open_writer(folder, **settings, provenance={}, key="") as writer:
            writer.add("davis", 1, len(flows) + 1, flows[0].shape[1:], enumerate(flows))

    return Format(name, write, lambda folder: Pairs(open_reader(folder)))


@dataclass(frozen=True)
class Pairs:
    """Pair t of a store; picklable."""

    reader: FlowReader

    def __call__(self, t: int) -> np.ndarray:
        return self.reader.read("davis", 1, t)


def encode_flo(flow: np.ndarray) -> bytes:
    """Middlebury's format: magic number, width, height, then u and v interleaved, float32."""
    size = np.array(flow.shape[:0:-1], np.int32)
    return FLO_MAGIC.tobytes() + size.tobytes() + flow.transpose(1, 2, 0).tobytes()


def decode_flo(data: bytes) -> np.ndarray:
    """Flow as `encode_flo` wrote it."""
    width, height = np.frombuffer(data, np.int32, 2, offset=4)
    pixels = np.frombuffer(data, np.float32, offset=12).reshape(height, width, 2)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def flowdino_tiff(compression: str) -> Format:
    """FlowDINO's files: packed words of steps that were truncated, no predictor."""

    def encode(flow: np.ndarray) -> bytes:
        return _tiff(packed_int32.pack((flow * 32).astype(np.int16)), compression=compression)

    def decode(data: bytes) -> np.ndarray:
        return dequantize(packed_int32.unpack(read_tiff(data)))

    return per_file(f"FlowDINO TIFF ({compression.upper()})", ".tiff", encode, decode)


def _tiff(samples: np.ndarray, **settings: Any) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, samples, maxworkers=1, metadata=None, **settings)
    return file.getvalue()


def read_tiff(data: bytes) -> np.ndarray:
    """The samples of a TIFF."""
    return tifffile.imread(io.BytesIO(data), maxworkers=1)


def encode_planar_tiff(flow: np.ndarray) -> bytes:
    """Two int16 planes, horizontal predictor, deflate."""
    steps = quantize(flow)[0]
    return _tiff(steps, compression="zlib", predictor=True, planarconfig="separate")


def encode_kitti(flow: np.ndarray) -> bytes:
    """KITTI's PNG: 16 bits, steps of 1/64 px, blue says whether there is a value."""
    image = np.ones((*flow.shape[1:], 3), np.uint16)
    image[..., 2:0:-1] = (np.rint(flow * 64) + OFFSET).transpose(1, 2, 0).clip(0, 65535)
    return cv2.imencode(".png", image)[1].tobytes()


def decode_kitti(data: bytes) -> np.ndarray:
    """Flow as `encode_kitti` wrote it."""
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    flow = (image[..., 2:0:-1].astype(np.float32) - OFFSET) / 64
    return np.ascontiguousarray(flow.transpose(2, 0, 1))


def encode_npz(flow: np.ndarray) -> bytes:
    """NumPy's compressed archive of float32."""
    file = io.BytesIO()
    np.savez_compressed(file, flow=flow)
    return file.getvalue()


def decode_npz(data: bytes) -> np.ndarray:
    """Flow as `encode_npz` wrote it."""
    return np.load(io.BytesIO(data))["flow"]


def encode_blosc(flow: np.ndarray) -> bytes:
    """Steps without prediction."""
    steps = quantize(flow)[0]
    shape = np.array(steps.shape, np.int32).tobytes()
    return shape + numcodecs.blosc.compress(steps, b"zstd", 5, numcodecs.blosc.BITSHUFFLE, 0, 2)


def decode_blosc(data: bytes) -> np.ndarray:
    """Flow as `encode_blosc` wrote it."""
    steps = np.frombuffer(numcodecs.blosc.decompress(data[12:]), np.int16)
    return dequantize(steps.reshape(np.frombuffer(data[:12], np.int32)))


def image_codec(name: str, encode: Callable[..., bytes], decode: Callable[..., Any]) -> Format:
    """A lossless 16-bit image codec, a component after the other."""

    def encoded(flow: np.ndarray) -> bytes:
        planes = (quantize(flow)[0].astype(np.int32) + OFFSET).astype(np.uint16)
        first, second = (encode(plane) for plane in planes)
        return len(first).to_bytes(4, "little") + first + second

    def decoded(data: bytes) -> np.ndarray:
        end = 4 + int.from_bytes(data[:4], "little")
        planes = np.stack([decode(data[4:end]), decode(data[end:])])
        return dequantize((planes.astype(np.int32) - OFFSET).astype(np.int16))

    return per_file(name, ".bin", encoded, decoded)


FORMATS = (
    per_file("float32 .flo", ".flo", encode_flo, decode_flo),
    store("commonfate Zarr"),
    store("commonfate TIFF, planar", container="tiff", tiff_layout="planar"),
    store("commonfate TIFF, packed", container="tiff", tiff_layout="packed"),
    flowdino_tiff("lzw"),
    flowdino_tiff("zlib"),
    per_file("KITTI PNG", ".png", encode_kitti, decode_kitti),
    per_file("npz, compressed", ".npz", encode_npz, decode_npz),
    per_file("blosc zstd-5 bitshuffle, no prediction", ".blosc", encode_blosc, decode_blosc),
    image_codec("JPEG-LS", imagecodecs.jpegls_encode, imagecodecs.jpegls_decode),
    image_codec(
        "JPEG XL, lossless, effort 3",
        lambda plane: imagecodecs.jpegxl_encode(plane, lossless=True, effort=3, numthreads=1),
        lambda data: imagecodecs.jpegxl_decode(data, numthreads=1),
    ),
)
