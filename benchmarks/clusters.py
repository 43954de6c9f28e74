"""K-means of many vectors: ours, from a sample, against scikit-learn's on all points, one run.

    python benchmarks/clusters.py                                  # a million points, K 21 and 500
    python benchmarks/clusters.py --points 50000 --clusters 21

Points are float32 of 384 channels: 1,000 overlapping Gaussian parts of unequal sizes. Each way
runs in a process of its own, one start, 20 iterations; scikit-learn's and our fit with one thread,
our assignment with one for each processor. The inertia is over all points.
"""

import argparse
import json
import time

import click
import numpy as np
from own_process import in_process, memory_mb
from tabulate import tabulate
from threadpoolctl import threadpool_limits

from commonfate.models.grouping import clusters

CHANNELS, PARTS, ITERATIONS = 384, 1000, 20


def points(count: int) -> np.ndarray:
    """Vectors (count, 384) float32."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((PARTS, CHANNELS), np.float32)
    shares = rng.pareto(1.5, PARTS) + 0.1
    vectors = rng.standard_normal((count, CHANNELS), np.float32)
    chosen = rng.choice(PARTS, count, p=shares / shares.sum())
    for start in range(0, count, 10_000):
        vectors[start : start + 10_000] += centres[chosen[start : start + 10_000]]
    return vectors


def run(way: str, count: int, k: int) -> dict[str, float]:
    """Measure one way in this process."""
    vectors = points(count)
    data_mb = vectors.nbytes / 2**20
    began, began_cpu = time.perf_counter(), time.process_time()
    with threadpool_limits(1):
        if way == "ours":
            centres = clusters.fit(vectors, k, 0, iterations=ITERATIONS)
            labels = clusters.assign(vectors, centres)
        else:
            from sklearn.cluster import KMeans

            model = KMeans(k, n_init=1, max_iter=ITERATIONS, random_state=0).fit(vectors)
            centres, labels = model.cluster_centers_, model.labels_
    seconds, cpu = time.perf_counter() - began, time.process_time() - began_cpu
    peak = memory_mb("VmHWM")
    inertia = clusters.inertia(vectors, centres, labels)
    result = {"seconds": seconds, "cpu": cpu, "peak_mb": peak, "data_mb": data_mb}
    return result | {"inertia": inertia}


def main() -> None:
    """Measure one way and write JSON, or all of them and write a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--clusters", type=int, nargs="+", default=[21, 500])
    parser.add_argument("--task", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.task is not None:
        task = json.loads(arguments.task)
        click.echo(json.dumps(run(task["way"], task["points"], task["k"])))
        return
    rows = []
    for k in arguments.clusters:
        results = {
            way: in_process(__file__, {"way": way, "points": arguments.points, "k": k})
            for way in ("ours", "scikit-learn")
        }
        least = results["scikit-learn"]["inertia"]
        for way, result in results.items():
            memory = result["peak_mb"] / result["data_mb"]
            values = (result["seconds"], result["cpu"], result["peak_mb"], memory)
            rows.append((k, way, *values, result["inertia"] / least))
    headers = ("K", "way", "s", "CPU s", "peak MB", "of the data", "inertia")
    click.echo(f"{arguments.points:,} points of {CHANNELS} channels\n")
    click.echo(tabulate(rows, headers, tablefmt="github", floatfmt=".3f"))


if __name__ == "__main__":
    main()
