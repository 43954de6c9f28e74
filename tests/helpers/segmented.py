"""A benchmark of two tiny videos, and predictions of it whose scores are known."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from commonfate.base import parquet
from commonfate.prediction import maps

SIZE = (8, 12)
FRAMES = {"cat": 3, "dog": 4}


def truth_mask() -> np.ndarray:
    """(8, 12) bool; 4 x 4 pixels in the middle, away from the border."""
    mask = np.zeros(SIZE, bool)
    mask[2:6, 4:8] = True
    return mask


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Videos `cat` and `dog`, every frame annotated, and `eel`, which was left out."""
    rows = []
    for video, frames in FRAMES.items():
        files = [tmp_path / "truth" / video / f"{t:05d}.png" for t in range(frames)]
        for file in files:
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(truth_mask().astype(np.uint8) * 255).save(file)
        row = {"id": video, "frames": frames, "annotation_files": [str(file) for file in files]}
        rows.append(row | {"status": "ok", "reason": ""})
    rows.append({"id": "eel", "frames": 0, "status": "left_out", "reason": "empty file"})
    table = pd.DataFrame(rows).assign(split="val", annotation_kind="binary")
    path = tmp_path / "manifest.parquet"
    parquet.write(path, table, {})
    return path


@pytest.fixture
def predict(tmp_path: Path) -> Callable[..., Path]:
    """Write predictions: `predict(groups)`, a function of video and frame, for every frame.

    `soft`, likewise, is the probability of group 1; `told` is what else predictions.json says.
    """

    def write(
        groups: Callable[[str, int], np.ndarray],
        n_groups: int = 2,
        soft: Callable[[str, int], np.ndarray] | None = None,
        **message: str,
    ) -> Path:
        folder = tmp_path / "predictions"
        for video, frames in FRAMES.items():
            for t in range(frames):
                labels = groups(video, t).astype(np.uint8)
                for segments in ("components", "groups"):
                    maps.write_labels(folder / segments / video / f"{t:05d}.png", labels)
                if soft is not None:
                    maps.write_probability(
                        folder / "foreground" / video / f"{t:05d}.png", soft(video, t)
                    )
        metadata = {
            "run": "gwm-test",
            "method": "gwm",
            "description": {"resolution": "8x12"},
            "checkpoint": "last",
            "checkpoint_looks_at_ground_truth": False,
            "iteration": 40,
            "split": "val",
            "segments": {"components": n_groups, "groups": n_groups},
            "soft": soft is not None,
            "seconds_per_frame": {"median": 0.1, "mean": 0.2, "device": "CPU, 1 threads"},
            "adapt_steps": 0,
            "adaptation": None,
            "seed": None,
            "crf": None,
            "resolution": "network",
            "crop": "none",
            "foreground": "unsupervised",
            "learns_from": "flow",
            "gives": "masks",
        } | message
        (folder / "predictions.json").write_text(json.dumps(metadata))
        return folder / "predictions.json"

    return write
