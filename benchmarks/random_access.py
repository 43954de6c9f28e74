"""Samples a second that loader workers read at random, from each way to keep flow.

    python benchmarks/random_access.py [--videos 8 --pairs 24 --samples 1000]

DIS flow of real DAVIS frames is written once in each format: this package's stores, a TIFF (or
.flo) a pair, and a plain Zarr folder with a file a chunk in Zarr's default codecs. PyTorch workers
(spawned) then read whole pairs in random order and return a crop of each, as training does, so that
what is compared is reading and not the transfer between processes. Counted from the first batch
that arrives, so without the workers' start. Cold: before the run each file is flushed (`fsync`) and
dropped from the page cache (`posix_fadvise` with DONTNEED); a disk or hypervisor may still have it
cached. Warm: the run after it. Wall time: run it on a quiet machine.
"""

import os
import platform
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click
import cv2
import flow_fields
import numpy as np
import torch
import zarr
from flow_formats import (
    Format,
    decode_flo,
    encode_flo,
    encode_planar_tiff,
    per_file,
    read_tiff,
    store,
)
from torch.utils.data import DataLoader, Dataset

from commonfate.storage.quantize import dequantize, quantize

WORKERS = (1, 2, 4)
BATCH = 8
CROP = 256


@dataclass(frozen=True)
class PlainZarr:
    """Pair t of a Zarr folder without sharding; opened where it is used."""

    folder: Path

    def __call__(self, t: int) -> np.ndarray:
        array = _opened.get(self.folder)
        if array is None:
            array = _opened[self.folder] = zarr.open_array(self.folder, mode="r")
        return dequantize(array[t])


_opened: dict[Path, zarr.Array] = {}


def write_plain_zarr(folder: Path, flows: list[np.ndarray]) -> None:
    """A chunk a pair, a file a chunk, Zarr's default codecs."""
    shape = (len(flows), *flows[0].shape)
    array = zarr.create_array(folder, shape=shape, chunks=(1, *shape[1:]), dtype="int16")
    for t, flow in enumerate(flows):
        array[t] = quantize(flow)[0]


def decode_tiff(data: bytes) -> np.ndarray:
    """Planar steps to flow."""
    return dequantize(read_tiff(data))


FORMATS = (
    store("commonfate Zarr"),
    store("commonfate TIFF, planar", container="tiff", tiff_layout="planar"),
    per_file("a TIFF a pair", ".tiff", encode_planar_tiff, decode_tiff),
    per_file("a .flo a pair", ".flo", encode_flo, decode_flo),
    Format("Zarr folder, not sharded", write_plain_zarr, PlainZarr),
)


class RandomPairs(Dataset):
    """Pairs of all videos, in an order of its own."""

    def __init__(self, readers: list[Callable[[int], np.ndarray]], pairs: int, samples: int):
        chosen = np.random.default_rng(0).integers(0, len(readers) * pairs, samples)
        self._samples = [divmod(int(i), pairs) for i in chosen]
        self._readers = readers

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, index: int) -> torch.Tensor:
        video, t = self._samples[index]
        return torch.from_numpy(self._readers[video](t)[:, :CROP, :CROP].copy())


@click.command()
@click.option("--videos", default=8, show_default=True, help="DAVIS sequences, repeated if fewer.")
@click.option("--pairs", default=24, show_default=True, help="Frame pairs of each video.")
@click.option("--samples", default=1000, show_default=True, help="Reads of a run.")
@click.option("--workers", multiple=True, type=int, default=WORKERS, show_default=True)
@click.option("--folder", type=Path, help="Where the files go; the system's temporary folder.")
def benchmark(
    videos: int, pairs: int, samples: int, workers: tuple[int, ...], folder: Path | None
) -> None:
    """Compare random access."""
    cv2.setNumThreads(1)
    files = flow_fields.sequences()
    flows = [list(flow_fields.flows("dis", files[i % len(files)], pairs)) for i in range(videos)]
    height, width = flows[0][0].shape[1:]
    click.echo(
        f"{videos} videos of {pairs} pairs, {width}x{height}, {samples} random reads in batches of "
        f"{BATCH}, samples a second, {os.cpu_count()} cores, {platform.machine()}, torch "
        f"{torch.__version__}, zarr {zarr.__version__}.\n"
    )
    heads = [f"{n} worker{'s' * (n > 1)}, {state}" for n in workers for state in ("cold", "warm")]
    click.echo(f"| format | MB | {' | '.join(heads)} |\n|---|---:|{'---:|' * len(heads)}")
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        for number, format_ in enumerate(FORMATS):
            root = Path(temporary) / str(number)
            root.mkdir()
            for video, flow in enumerate(flows):
                format_.write(root / f"{video:03d}", flow)
            dataset = RandomPairs(
                [format_.open(root / f"{video:03d}") for video in range(videos)], pairs, samples
            )
            rates = []
            for count in workers:
                drop_from_cache(root)
                rates += [samples_per_second(dataset, count) for _ in ("cold", "warm")]
            size = sum(file.stat().st_size for file in root.rglob("*") if file.is_file())
            cells = " | ".join(f"{rate:.0f}" for rate in rates)
            click.echo(f"| {format_.name} | {size / 1e6:.0f} | {cells} |")


def samples_per_second(dataset: RandomPairs, workers: int) -> float:
    """Of one pass, from the arrival of the first batch."""
    loader = DataLoader(
        dataset, batch_size=BATCH, num_workers=workers, multiprocessing_context="spawn"
    )
    batches = iter(loader)
    next(batches)
    began = time.perf_counter()
    seen = sum(len(batch) for batch in batches)
    return seen / (time.perf_counter() - began)


def drop_from_cache(folder: Path) -> None:
    """Write all files to the disk and ask the system to forget their pages."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb+") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


if __name__ == "__main__":
    benchmark()
