"""A tiny data set with stores of features that are its truth, so that scores are known."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from commonfate.base import parquet
from commonfate.prediction.features.views import parse
from commonfate.storage.feature_writer import FeatureWriter
from commonfate.storage.frames import FrameWriter

PATCH, GRID = 8, 4
SECONDS = 0.25
"""Time of the encoder for every other frame; the others take twice as long."""
SIDE = PATCH * GRID
"""Pixels of a frame's side."""
CLASSES = 3


def grid(number: int) -> np.ndarray:
    """Classes of the patches of an image, (4, 4) uint8: all three occur, in other places."""
    cells = np.zeros((GRID, GRID), np.uint8)
    cells[1:3, 1:3] = 1
    cells[0, number % GRID] = 2
    return cells


def labels(number: int) -> np.ndarray:
    """The same of the pixels, (32, 32) uint8."""
    return np.kron(grid(number), np.ones((PATCH, PATCH), np.uint8))


def one_hot(number: int) -> dict[str, np.ndarray]:
    """Features that are the truth: tokens; attention on the objects; a class token."""
    tokens = np.eye(CLASSES, dtype=np.float32)[grid(number)]
    attention = np.where(grid(number) > 0, 0.1, 0.01).astype(np.float32)[None]
    cls = np.eye(2, dtype=np.float32)[number % 2]
    vector = np.where(grid(number) == 1, 1.0, -0.2).astype(np.float32)
    eigenvectors = np.stack([np.ones_like(vector), vector] + 3 * [vector])
    values = np.arange(5, dtype=np.float32)
    maps = {"tokens": tokens, "attention": attention, "cls": cls}
    return maps | {"eigenvectors": eigenvectors, "eigenvalues": values}


def manifest(folder: Path, videos: Mapping[str, int], split: str, kind: str = "classes") -> Path:
    """Manifest of videos of so many frames, their annotations and their frame store beside it."""
    rows, number = [], 0
    with FrameWriter(folder / f"{split}.frames.zarr.zip", provenance={}) as writer:
        for video, frames in videos.items():
            files, shown = [], []
            for t in range(frames):
                file = folder / f"truth.{split}/{video}/{t:05d}.png"
                file.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(labels(number)).save(file)
                files.append(str(file))
                shown.append(np.repeat(labels(number)[..., None] * 90, 3, 2))
                number += 1
            writer.add_video(video, shown, [t / 10 for t in range(frames)], fps=10.0)
            row = {"id": video, "split": split, "frames": frames, "annotation_files": files}
            label = ("even", "odd")[(number - frames) % 2]
            rows.append(row | {"label": label})
    table = pd.DataFrame(rows).assign(annotation_kind=kind, status="ok", reason="")
    path = folder / f"{split}.parquet"
    parquet.write(path, table, {})
    return path


def store(
    folder: Path,
    videos: Mapping[str, int],
    split: str,
    view: str,
    features: Callable[[int], dict[str, np.ndarray]] = one_hot,
    encoder: str = "e",
) -> Path:
    """Store of the features of the same videos."""
    path = folder / f"{split}.{view}.{encoder}.features.zarr.zip"
    record = {"patch": PATCH, "encoder_sha256": encoder, "settings": {"encoder": encoder}}
    names = set(parse(view).features)
    names |= {"eigenvalues"} if "eigenvectors" in names else set()
    number = 0
    with FeatureWriter(path, view, list(videos), "key", record) as writer:
        for video, frames in videos.items():
            for t in range(frames):
                own = {name: each for name, each in features(number).items() if name in names}
                writer.add(video, t, (SIDE, SIDE), own, SECONDS * (1 + number % 2))
                number += 1
        writer.finish({video: range(frames) for video, frames in videos.items()})
    return path
