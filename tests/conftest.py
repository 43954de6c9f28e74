"""Data that tests share: recorded arrays and real frames, skipped with a reason where missing."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

SHARED = Path(__file__).parents[2] / "shared"


@pytest.fixture(scope="session")
def reference() -> Callable[[str], dict[str, np.ndarray]]:
    """Load a file of recorded arrays by name."""
    folder = Path(os.environ.get("COMMONFATE_REFERENCE_DIR", SHARED / "reference"))

    def load(name: str) -> dict[str, np.ndarray]:
        path = folder / name
        if not path.is_file():
            pytest.skip(f"no {path}; set COMMONFATE_REFERENCE_DIR to the recorded arrays")
        with np.load(path) as arrays:
            return dict(arrays)

    return load


@pytest.fixture(scope="session")
def davis_root() -> Path:
    """Root of real DAVIS 2016 data."""
    root = Path(os.environ.get("COMMONFATE_DAVIS_DIR", SHARED / "data" / "DAVIS2016"))
    if not root.is_dir():
        pytest.skip(f"no {root}; set COMMONFATE_DAVIS_DIR to a folder with DAVIS 2016")
    return root
