"""Linear foreground probe of encoders on the embedded videos.

    python benchmarks/sprites_foreground.py results/datasets/sprites bundled random.vit_demo_8 \\
        flow=results/runs/RUN-s0/checkpoint.pt flow=results/runs/RUN-s1/checkpoint.pt

Every fourth frame, four folds of a quarter of the videos; a ridge regression of tokens learns from
the others. J in percent, mean over folds; encoders of one label, seeds of a training, make one row
of mean and deviation. Encoders are as in real_features.py, FILE:PART included.
"""

import statistics
from collections import defaultdict
from pathlib import Path

import click
import cv2
import numpy as np
import torch
from real_encoders import Features, features_of
from real_foreground import Described, score
from tabulate import tabulate

FOLDS = 4
EVERY = 4


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("encoders", nargs=-1, required=True)
@click.option("--threads", default=1, show_default=True)
def main(folder: Path, encoders: tuple[str, ...], threads: int) -> None:
    """Probe encoders on a folder of rendered videos."""
    torch.set_num_threads(threads)
    videos = {path.stem: _read(path, folder) for path in sorted((folder / "videos").iterdir())}
    names = list(videos)
    folds = [tuple(names[first::FOLDS]) for first in range(FOLDS)]
    scores = defaultdict(list)
    for encoder in encoders:
        label, _, file = encoder.rpartition("=")
        features = features_of(file)
        described = {name: _described(features, *video) for name, video in videos.items()}
        scores[label or file].append(100 * score(described, folds, every=1)[0])
        click.echo(f"{encoder}: {scores[label or file][-1]:.1f}", err=True)
    rows = [(label, _text(values)) for label, values in scores.items()]
    click.echo(tabulate(rows, headers=("features", "J"), tablefmt="github"))


def _read(path: Path, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Every fourth frame (T, H, W, 3) uint8 RGB, and its mask (T, H, W) uint8 of 0 and 1."""
    film, frames = cv2.VideoCapture(str(path)), []
    while (read := film.read())[0]:
        frames.append(read[1][..., ::-1])
    files = sorted(file for file in folder.rglob("*.png") if file.parent.name == path.stem)
    masks = [cv2.imread(str(file), cv2.IMREAD_GRAYSCALE) > 0 for file in files[::EVERY]]
    return np.stack(frames[::EVERY]), np.stack(masks).astype(np.uint8)


def _described(features: Features, frames: np.ndarray, masks: np.ndarray) -> Described:
    return Described(features(frames)[0], masks)


def _text(values: list[float]) -> str:
    if len(values) == 1:
        return f"{values[0]:.1f}"
    return f"{statistics.fmean(values):.1f} ± {statistics.stdev(values):.1f} ({len(values)})"


if __name__ == "__main__":
    main()
