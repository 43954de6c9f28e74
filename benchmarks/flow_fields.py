"""Real flow for the benchmarks: of DAVIS frames, by the named estimators."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

SHARED = Path(__file__).parents[2] / "shared" / "data" / "DAVIS2016"
BUNDLED = Path(__file__).parents[1] / "src" / "commonfate" / "flow" / "bundled"
OWN_WEIGHTS = "raft_small.sprites"


def default_sources() -> tuple[str, ...]:
    """DIS, and RAFT-small where its weights are bundled."""
    bundled = (BUNDLED / f"{OWN_WEIGHTS}.safetensors").is_file()
    return ("dis", OWN_WEIGHTS) if bundled else ("dis",)


def sequences() -> list[list[Path]]:
    """Frames of each DAVIS sequence whose frames are 854x480."""
    root = Path(os.environ.get("COMMONFATE_DAVIS_DIR", SHARED))
    folders = sorted((root / "JPEGImages" / "480p").glob("*/"))
    result = [sorted(folder.glob("*.jpg")) for folder in folders]
    result = [files for files in result if cv2.imread(str(files[0])).shape[:2] == (480, 854)]
    if not result:
        sys.exit(f"{root}: no DAVIS frames; set COMMONFATE_DAVIS_DIR to a folder with DAVIS 2016")
    return result


def flows(source: str, files: list[Path], count: int) -> Iterator[np.ndarray]:
    """Flow of evenly spread pairs of neighbouring frames.

    Args:
        source: an estimator, with weights behind a dot where it has any.
        files: frames of one sequence.
        count: how many pairs.

    Yields:
        (2, H, W) float32.
    """
    import torch

    from commonfate.flow.estimators import registry as estimators
    from commonfate.flow.settings import FlowSource

    name, _, weights = source.partition(".")
    estimator = estimators.create(FlowSource(estimator=name, weights=weights or None))
    for t in np.linspace(0, len(files) - 2, count).astype(int):
        pair = [cv2.cvtColor(cv2.imread(str(files[i])), cv2.COLOR_BGR2RGB) for i in (t, t + 1)]
        images = torch.from_numpy(np.stack(pair)).permute(0, 3, 1, 2)[None]
        yield np.ascontiguousarray(estimator.estimate(images)[0].numpy())
