"""Features of real DAVIS frames: time of an extraction, and size and reading of each way to store.

    python benchmarks/features.py [--encoder random.vit_small_16 --view 448.tokens --images 64]

First `commonfate features` as a library call: images a CPU second with everything, from JPEG files
to the store, beside the passes of the encoder alone over the same batches. Then the same features
in each format: KB an image, milliseconds to write it, and to read it in random order from the page
cache. A file an image is how Deep Spectral keeps features (float32, torch.save).
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import numpy as np
import torch
import zarr
from flow_fields import sequences
from tabulate import tabulate

from commonfate.datasets import image_file
from commonfate.models.encoders import create
from commonfate.prediction.features import extract, own_files, pictures, sources, views
from commonfate.storage.features import FeatureReader, FeatureWriter
from commonfate.videos.decode import Decoding

Read = Callable[[int], np.ndarray]
CHUNKED = {
    "Zarr, float16, blosc zstd 1 bitshuffle": ("float16", "zstd"),
    "Zarr, float32": ("float32", None),
}


def stored(folder: Path, features: np.ndarray) -> Read:
    """This package's store."""
    names = [f"{n:06d}" for n in range(len(features))]
    with FeatureWriter(folder / "x.zarr.zip", "448.tokens", names, "k") as writer:
        for name, values in zip(names, features, strict=True):
            writer.add(name, 0, (480, 854), {"tokens": values})
        writer.finish({name: [0] for name in names})
    reader = FeatureReader(folder / "x.zarr.zip")
    return lambda n: reader.read(names[n], 0)


def a_file_an_image(folder: Path, features: np.ndarray) -> Read:
    """Float32 by torch.save."""
    for n, values in enumerate(features):
        torch.save({"tokens": torch.from_numpy(values)}, folder / f"{n}.pth")
    return lambda n: torch.load(folder / f"{n}.pth", weights_only=True)["tokens"].numpy()


def compressed(folder: Path, features: np.ndarray) -> Read:
    """Float16 by numpy.savez_compressed, a file an image."""
    for n, values in enumerate(features):
        np.savez_compressed(folder / f"{n}.npz", tokens=values.astype("float16"))
    return lambda n: np.load(folder / f"{n}.npz")["tokens"]


def chunked(dtype: str, codec: str | None) -> Callable[[Path, np.ndarray], Read]:
    """A Zarr folder, an image a chunk."""

    def write(folder: Path, features: np.ndarray) -> Read:
        size = np.dtype(dtype).itemsize
        blosc = zarr.codecs.BloscCodec(cname="zstd", clevel=1, shuffle="bitshuffle", typesize=size)
        array = zarr.create_array(
            folder / "x",
            shape=features.shape,
            chunks=(1, *features.shape[1:]),
            dtype=dtype,
            compressors=[blosc] if codec else None,
        )
        for n, values in enumerate(features):
            array[n] = values
        return lambda n: array[n]

    return write


FORMATS: dict[str, Callable[[Path, np.ndarray], Read]] = {
    "this package, float16": stored,
    "torch.save an image, float32": a_file_an_image,
    "numpy.savez_compressed an image, float16": compressed,
    **{name: chunked(*settings) for name, settings in CHUNKED.items()},
}


def measured(write: Callable[[Path, np.ndarray], Read], features: np.ndarray) -> tuple[float, ...]:
    """KB an image, ms an image to write, ms an image to read."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        began = time.perf_counter()
        read = write(folder, features)
        write_s = time.perf_counter() - began
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        order = np.random.default_rng(0).permutation(len(features))
        for n in order:
            read(n)
        began = time.perf_counter()
        for n in order:
            read(n)
        read_s = time.perf_counter() - began
    count = len(features)
    return size / count / 1e3, 1e3 * write_s / count, 1e3 * read_s / count


def extracted(encoder: create.Encoder, view: views.View, files: list[Path], batch: int) -> float:
    """CPU seconds of an extraction from files to a store."""
    listed = own_files.given(files)
    with tempfile.TemporaryDirectory() as name:
        began = time.process_time()
        with (
            sources.own(listed, 1, Decoding()) as (opened, _),
            FeatureWriter(
                Path(name, "x.zarr.zip"), str(view), [each.id for each in listed], "k"
            ) as writer,
        ):
            left_out = extract.extract(opened, encoder, view, writer, batch)
            writer.finish({each.name: each.times for each in opened}, left_out)
        return time.process_time() - began


def passes(
    encoder: create.Encoder, view: views.View, files: list[Path], batch: int
) -> Iterator[tuple[np.ndarray, float]]:
    """Features of each batch, (B, h, w, C) float32, and the CPU seconds of its pass."""
    for start in range(0, len(files), batch):
        frames = [image_file.pixels(file) for file in files[start : start + batch]]
        places = [view.place(frame.shape[:2], encoder.patch) for frame in frames]
        pairs = zip(frames, places, strict=True)
        images = torch.stack([pictures.picture(*pair, view.bicubic) for pair in pairs])
        began = time.process_time()
        with torch.inference_mode():
            features = encoder(images)["tokens"].numpy()
        yield features, time.process_time() - began


@click.command()
@click.option("--encoder", "name", default="random.vit_small_16", show_default=True)
@click.option("--view", "view_name", default="448.tokens", show_default=True)
@click.option("--images", default=64, show_default=True)
@click.option("--batch", default=16, show_default=True)
@click.option("--threads", default=2, show_default=True)
def main(name: str, view_name: str, images: int, batch: int, threads: int) -> None:
    """Measure and print."""
    torch.set_num_threads(threads)
    encoder, view = create.create(name), views.parse(view_name)
    every = [file for files in sequences() for file in files]
    files = [every[n] for n in np.linspace(0, len(every) - 1, images).astype(int)]
    batches = list(passes(encoder, view, files, batch))
    alone_s = sum(seconds for _, seconds in batches)
    whole_s = extracted(encoder, view, files, batch)
    click.echo(f"{name}, {view}, {images} images, {threads} threads")
    click.echo(
        f"images a CPU second: {images / whole_s:.2f}; the encoder alone {images / alone_s:.2f}"
    )
    features = np.concatenate([values for values, _ in batches])
    error = features.astype("float16").astype("float32") - features
    relative = np.linalg.norm(error, axis=-1) / np.linalg.norm(features, axis=-1)
    click.echo(f"rounding to float16, of a token's length: {relative.max():.1e} at most")
    rows = [(label, *measured(write, features)) for label, write in FORMATS.items()]
    columns = ("format", "KB an image", "ms to write", "ms to read")
    click.echo(tabulate(rows, columns, floatfmt=("", ".0f", ".1f", ".2f"), tablefmt="github"))


if __name__ == "__main__":
    main()
