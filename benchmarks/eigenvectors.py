"""Fiedler vectors of images: ours against scipy's shift-invert Lanczos and dense `eigh`, one run.

    python benchmarks/eigenvectors.py --frames 16

Features are an encoder's keys of real DAVIS frames, resized so that patches make a grid of about N
positions. Every way starts from the features, works alone on one image at a time, on one thread,
and ends with the box of Deep Spectral Methods.
Boxes that differ from those of dense `eigh` in float64 (of `eigsh`, where that was not run) are
listed with the gap between the second and third eigenvalue. Frames come from
$COMMONFATE_DAVIS_DIR, else ../shared.
"""

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import click
import cv2
import numpy as np
from real_encoders import Features, features_of
from scipy.linalg import eigh
from scipy.sparse.linalg import eigsh
from tabulate import tabulate
from threadpoolctl import threadpool_limits

from commonfate.evaluation.features.localization import box
from commonfate.models.grouping.spectral import affinity, spectrum

SIZES = {690: (23, 30), 2760: (46, 60)}
"""Grids of about DAVIS's aspect at patches of 16 and 8."""
SHARED = Path(__file__).resolve().parents[2] / "shared/data/DAVIS2016"


def frames(count: int) -> list[tuple[str, np.ndarray]]:
    """Evenly spaced frames of the sequences at hand, RGB, and their names."""
    folder = Path(os.environ.get("COMMONFATE_DAVIS_DIR", SHARED)) / "JPEGImages/480p"
    paths = sorted(folder.glob("*/*.jpg"))
    if not paths:
        raise click.ClickException(f"no frames in {folder}; set COMMONFATE_DAVIS_DIR")
    chosen = paths[:: max(1, len(paths) // count)][:count]
    named = [f"{path.parent.name}/{path.stem}" for path in chosen]
    images = [cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB) for path in chosen]
    return list(zip(named, images, strict=True))


def keys(image: np.ndarray, encoder: Features, grid: tuple[int, int]) -> np.ndarray:
    """Keys (h * w, C) float32 of an image, resized to `grid` patches."""
    rows, columns = (side * encoder.patch for side in grid)
    small = cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA)
    return encoder(small[None])[1][0].reshape(rows * columns // encoder.patch**2, -1).astype("f4")


def ours(features: np.ndarray) -> np.ndarray:
    """The project's solver; two vectors."""
    return spectrum(features, 2).vectors[1]


def ours_five(features: np.ndarray) -> np.ndarray:
    """The project's solver; the five vectors that are stored."""
    return spectrum(features).vectors[1]


def shift_invert(features: np.ndarray) -> np.ndarray:
    """scipy's `eigsh` about 0, five vectors, as the released code calls it."""
    weights = affinity(features)
    degree = np.diag(weights.sum(1))
    _, vectors = eigsh(degree - weights, k=5, sigma=0, which="LM", M=degree)
    return _signed(vectors[:, 1])


def dense(features: np.ndarray) -> np.ndarray:
    """LAPACK on the whole float64 problem, five vectors."""
    weights = affinity(features).astype(np.float64)
    degree = np.diag(weights.sum(1))
    _, vectors = eigh(degree - weights, degree, subset_by_index=(0, 4))
    return _signed(vectors[:, 1])


def _signed(vector: np.ndarray) -> np.ndarray:
    return -vector if (vector > 0).mean() > 0.5 else vector


WAYS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "ours, 2 vectors": ours,
    "ours, 5 vectors": ours_five,
    "eigsh, sigma 0": shift_invert,
    "eigh, dense": dense,
}


@click.command(help=__doc__.splitlines()[0])
@click.option("--encoder", "name", default="bundled", show_default=True)
@click.option("--frames", "count", type=click.IntRange(1), default=16, help="images at each size")
@click.option(
    "--dense-frames",
    type=click.IntRange(1),
    default=4,
    help="as many of them for dense eigh at the larger size",
)
def main(name: str, count: int, dense_frames: int) -> None:
    """Print a table of times and the boxes that differ."""
    encoder = features_of(name)
    rows, disagreements = [], []
    for positions, grid in SIZES.items():
        size = (grid[0] * encoder.patch, grid[1] * encoder.patch)
        inputs = [(frame, keys(image, encoder, grid)) for frame, image in frames(count)]
        boxes: dict[str, dict[str, list[int]]] = {}
        for way, solve in WAYS.items():
            part = inputs[:dense_frames] if way == "eigh, dense" and positions > 1000 else inputs
            times, boxes[way] = [], {}
            with threadpool_limits(1):
                for frame, features in part:
                    began = time.process_time()
                    vector = solve(features)
                    times.append(time.process_time() - began)
                    boxes[way][frame] = box(vector.reshape(grid), encoder.patch, size).tolist()
            rows.append((positions, way, len(part), 1e3 * statistics.median(times)))
        for frame, features in inputs:
            others = boxes["eigsh, sigma 0"][frame]
            expected = boxes["eigh, dense"].get(frame, others)
            for way in list(WAYS)[:3]:
                if boxes[way][frame] != expected:
                    gap = spectrum(features).gap
                    disagreements.append((positions, way, frame, boxes[way][frame], expected, gap))
    table = [(*row, 1e3 / row[3]) for row in rows]
    headers = ("N", "way", "images", "median CPU ms", "images a second")
    click.echo(tabulate(table, headers, tablefmt="github", floatfmt=".1f"))
    click.echo(
        f"\nboxes that differ from dense eigh, or eigsh where it was not run: {len(disagreements)}"
    )
    if disagreements:
        headers = ("N", "way", "frame", "box", "expected", "eigengap")
        click.echo(tabulate(disagreements, headers, tablefmt="github", floatfmt=".2e"))


if __name__ == "__main__":
    main()
