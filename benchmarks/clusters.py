"""K-means of a million vectors: ours, from a sample, against scikit-learn's on all points, one run.

    python benchmarks/clusters.py                                  # a million points, K 21 and 500
    python benchmarks/clusters.py --points 50000 --clusters 21 --kind tails

Points are float32 of 384 channels in a file that each way maps into its memory:

- `tails`: 1,000 overlapping parts of unequal sizes (Pareto, exponent 1.5), Student's t of five
  degrees of freedom around their centres, channels of falling scale (i to the power of -1/2);
  seed 0.
- `patches`: pixels of real DAVIS frames, 8 rows, 16 columns and three colours to a patch, frames
  and patches in order, as many times as are needed.

Each way runs in a process of its own, one start, 20 iterations, one thread. The inertia is over
all points. Memory is the peak beyond what the process held before, without the mapped file.
"""

import json
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import cv2
import numpy as np
from flow_fields import sequences
from own_process import in_process, memory_mb
from tabulate import tabulate
from threadpoolctl import threadpool_limits

from commonfate.models.grouping import clusters

CHANNELS, PARTS, ITERATIONS, FREEDOM = 384, 1000, 20, 5
PATCH = (8, 16)
AT_ONCE = 10_000
WAYS = ("ours", "scikit-learn")


def tails(count: int) -> Iterator[np.ndarray]:
    """Vectors (n, 384) float32 of overlapping parts with heavy tails, `count` in all."""
    rng = np.random.default_rng(0)
    scale = np.arange(1, CHANNELS + 1, dtype=np.float32) ** -0.5
    centres = rng.standard_normal((PARTS, CHANNELS), np.float32)
    shares = rng.pareto(1.5, PARTS) + 0.1
    for start in range(0, count, AT_ONCE):
        n = min(AT_ONCE, count - start)
        chosen = rng.choice(PARTS, n, p=shares / shares.sum())
        spread = np.sqrt(rng.chisquare(FREEDOM, (n, 1)) / FREEDOM).astype(np.float32)
        yield scale * (centres[chosen] + rng.standard_normal((n, CHANNELS), np.float32) / spread)


def patches(count: int) -> Iterator[np.ndarray]:
    """Pixels (n, 384) float32, in [0, 1], of the patches of real frames, `count` in all."""
    files = [file for listed in sequences() for file in listed]
    rows, columns = PATCH
    done = 0
    while done < count:
        for file in files:
            image = cv2.imread(str(file))[:480, :848].astype(np.float32) / 255
            parts = image.reshape(480 // rows, rows, 848 // columns, columns, 3)
            vectors = parts.transpose(0, 2, 1, 3, 4).reshape(-1, CHANNELS)[: count - done]
            done += len(vectors)
            yield vectors


KINDS = {"tails": tails, "patches": patches}


def write(file: Path, kind: str, count: int) -> None:
    """Make the file of the points."""
    points = np.lib.format.open_memmap(file, "w+", np.float32, (count, CHANNELS))
    done = 0
    for vectors in KINDS[kind](count):
        points[done : done + len(vectors)] = vectors
        done += len(vectors)
    points.flush()


@contextmanager
def peak_of_memory() -> Iterator[list[float]]:
    """Look at this process's own memory (Linux: RssAnon) every 20 ms; the list has its peak, MB."""
    before, peak, ended = memory_mb("RssAnon"), [0.0], threading.Event()

    def watch() -> None:
        while not ended.wait(0.02):
            peak[0] = max(peak[0], memory_mb("RssAnon") - before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        ended.set()
        watcher.join()


def run(way: str, file: str, k: int) -> dict[str, float]:
    """Measure one way in this process."""
    from sklearn.cluster import KMeans

    vectors = np.load(file, mmap_mode="r")
    clusters.WORKERS = 1
    with threadpool_limits(1), peak_of_memory() as peak:
        began, began_cpu = time.perf_counter(), time.process_time()
        if way == "ours":
            centres = clusters.fit(vectors, k, 0, iterations=ITERATIONS)
            labels = clusters.assign(vectors, centres)
        else:
            model = KMeans(k, n_init=1, max_iter=ITERATIONS, random_state=0).fit(vectors)
            centres, labels = model.cluster_centers_, model.labels_
        seconds, cpu = time.perf_counter() - began, time.process_time() - began_cpu
    inertia = clusters.inertia(vectors, centres, labels)
    return {"seconds": seconds, "cpu": cpu, "peak_mb": peak[0], "inertia": inertia}


@click.command(help=__doc__.splitlines()[0])
@click.option("--points", default=1_000_000, show_default=True, help="number of vectors")
@click.option(
    "--clusters", "numbers", multiple=True, default=(21, 500), show_default=True, help="K"
)
@click.option("--kind", "kinds", multiple=True, type=click.Choice(list(KINDS)), default=list(KINDS))
@click.option("--task", hidden=True)
def main(points: int, numbers: tuple[int, ...], kinds: tuple[str, ...], task: str | None) -> None:
    """Measure one way and write JSON, or all of them and write a table."""
    if task is not None:
        click.echo(json.dumps(run(**json.loads(task))))
        return
    rows = []
    for kind in kinds:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "points.npy")
            write(file, kind, points)
            data_mb = file.stat().st_size / 2**20
            for k in numbers:
                tasks = {way: {"way": way, "file": str(file), "k": k} for way in WAYS}
                results = {way: in_process(__file__, each) for way, each in tasks.items()}
                least = results["scikit-learn"]["inertia"]
                for way, result in results.items():
                    values = (result["seconds"], result["cpu"], result["peak_mb"])
                    shares = (result["peak_mb"] / data_mb, result["inertia"] / least)
                    rows.append((kind, k, way, *values, *shares))
                    click.echo(f"{kind} {k} {way}: {result}", err=True)
    headers = ("points", "K", "way", "s", "CPU s", "peak MB", "of the data", "inertia")
    click.echo(f"{points:,} points of {CHANNELS} channels\n")
    formats = ("", "", "", ".0f", ".0f", ".0f", ".2f", ".4f")
    click.echo(tabulate(rows, headers, tablefmt="github", floatfmt=formats))


if __name__ == "__main__":
    main()
