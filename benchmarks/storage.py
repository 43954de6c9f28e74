"""Size and speed of the flow containers, on DIS flow of real DAVIS frames.

    python benchmarks/storage.py [--frames 4]

Writes and reads the same flow in every container, in one run, and prints a Markdown table against
float32 `.flo` files. Quantization and checksums are included. Time is CPU time of all threads, so
that other load on the machine matters little. Real frames come from $COMMONFATE_DAVIS_DIR, else
../shared/data/DAVIS2016.
"""

import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import cv2
import numpy as np

from commonfate.storage.flow import open_reader, open_writer

SHARED = Path(__file__).parents[2] / "shared" / "data" / "DAVIS2016"
CONTAINERS = {
    "Zarr (delta2d, blosc zstd-1 bitshuffle)": ("zarr", "planar"),
    "TIFF planar (predictor, deflate-4)": ("tiff", "planar"),
    "TIFF packed (FlowDINO's words; predictor, deflate-4)": ("tiff", "packed"),
}
FLO_MAGIC = np.float32(202021.25)


@click.command()
@click.option("--frames", default=4, show_default=True, help="Frame pairs of each sequence.")
@click.option("--repeats", default=3, show_default=True, help="The fastest of so many is shown.")
def benchmark(frames: int, repeats: int) -> None:
    """Compare the flow containers on real flow."""
    root = Path(os.environ.get("COMMONFATE_DAVIS_DIR", SHARED))
    folders = sorted((root / "JPEGImages" / "480p").glob("*/"))
    if not folders:
        sys.exit(f"{root}: no DAVIS frames; set COMMONFATE_DAVIS_DIR to a folder with DAVIS 2016")
    cv2.setNumThreads(1)
    flows = [flow for folder in folders for flow in dis_flow(folder, frames)]
    height, width = flows[0].shape[1:]
    flows = [flow for flow in flows if flow.shape[1:] == (height, width)]
    with tempfile.TemporaryDirectory() as temporary:
        rows = {"float32 .flo": measure(write_flo, read_flo, flows, Path(temporary), repeats)}
        for name, (container, layout) in CONTAINERS.items():
            rows[name] = measure(
                store_writer(container, layout), read_store, flows, Path(temporary), repeats
            )
    click.echo(table(rows, len(flows), height, width, len(folders)))


def dis_flow(folder: Path, count: int) -> Iterator[np.ndarray]:
    """Flow of evenly spread pairs of neighbouring frames, (2, H, W) float32."""
    files = sorted(folder.glob("*.jpg"))
    estimator = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    for t in np.linspace(0, len(files) - 2, count).astype(int):
        first, second = (
            cv2.imread(str(file), cv2.IMREAD_GRAYSCALE) for file in (files[t], files[t + 1])
        )
        flow = estimator.calc(first, second, None)
        yield np.ascontiguousarray(flow.transpose(2, 0, 1))


def measure(
    write: Callable[[Path, list[np.ndarray]], None],
    read: Callable[[Path, int], Iterator[np.ndarray]],
    flows: list[np.ndarray],
    folder: Path,
    repeats: int,
) -> tuple[float, float, float, float]:
    """Bytes a pair, ms to encode and to decode one (the fastest repeat), largest error in px."""
    encode_ms, decode_ms = [], []
    for repeat in range(repeats + 1):  # the first is for warming up
        path = folder / f"{write.__name__}{repeat}"
        began = time.process_time()
        write(path, flows)
        encoded = time.process_time()
        found = list(read(path, len(flows)))
        decoded = time.process_time()
        if repeat:
            encode_ms.append(1e3 * (encoded - began) / len(flows))
            decode_ms.append(1e3 * (decoded - encoded) / len(flows))
        size = sum(file.stat().st_size for file in [path, *path.rglob("*")] if file.is_file())
        error = max(np.abs(a - b).max() for a, b in zip(found, flows, strict=True))
    return size / len(flows), min(encode_ms), min(decode_ms), float(error)


def write_flo(path: Path, flows: list[np.ndarray]) -> None:
    """Middlebury's format: magic number, width, height, then u and v interleaved, float32."""
    path.mkdir()
    for t, flow in enumerate(flows):
        with (path / f"{t:05d}.flo").open("wb") as file:
            file.write(FLO_MAGIC.tobytes())
            file.write(np.array(flow.shape[:0:-1], np.int32).tobytes())
            file.write(flow.transpose(1, 2, 0).tobytes())


def read_flo(path: Path, count: int) -> Iterator[np.ndarray]:
    """Flow as `write_flo` wrote it."""
    for t in range(count):
        data = (path / f"{t:05d}.flo").read_bytes()
        width, height = np.frombuffer(data, np.int32, 2, offset=4)
        pixels = np.frombuffer(data, np.float32, offset=12).reshape(height, width, 2)
        yield np.ascontiguousarray(pixels.transpose(2, 0, 1))


def store_writer(container: str, layout: str) -> Callable[[Path, list[np.ndarray]], None]:
    """A function that writes all flow to one store."""

    def write(path: Path, flows: list[np.ndarray]) -> None:
        size = flows[0].shape[1:]
        with open_writer(path, container, tiff_layout=layout, provenance={}, key="") as writer:
            writer.add("davis", 1, len(flows) + 1, size, enumerate(flows))

    write.__name__ = f"{container}_{layout}"
    return write


def read_store(path: Path, count: int) -> Iterator[np.ndarray]:
    """Flow of a store, checked against its checksums."""
    reader = open_reader(path)
    for t in range(count):
        yield reader.read("davis", 1, t)


def table(
    rows: dict[str, tuple[float, float, float, float]],
    pairs: int,
    height: int,
    width: int,
    sequences: int,
) -> str:
    """Markdown, ratios against the first row."""
    plain = next(iter(rows.values()))
    lines = [
        f"DIS flow of {pairs} pairs of {sequences} DAVIS sequences, {width}x{height}, CPU time, "
        f"{platform.machine()}, Python {platform.python_version()}, NumPy {np.__version__}.",
        "",
        "| container | kB a pair | times smaller | encode ms | against .flo | decode ms "
        "| against .flo | largest error px |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, (size, encode_ms, decode_ms, error) in rows.items():
        lines.append(
            f"| {name} | {size / 1e3:.0f} | {plain[0] / size:.1f} | {encode_ms:.1f} "
            f"| {encode_ms / plain[1]:.1f} | {decode_ms:.1f} | {decode_ms / plain[2]:.1f} "
            f"| {error:.4f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    benchmark()
