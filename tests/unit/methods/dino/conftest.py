"""A tiny DINO, and batches of noise for it."""

import numpy as np
import pytest
import torch
from torch.utils.data import default_collate

from commonfate.methods.dino.method import Dino
from commonfate.methods.dino.settings import DinoSettings
from commonfate.samples.example import Example

TINY = {
    "dim": 16,
    "depth": 2,
    "heads": 2,
    "patch": 8,
    "global_crop": 16,
    "local_crop": 8,
    "local_crops": 3,
    "outputs": 12,
    "hidden": 16,
    "bottleneck": 8,
    "frozen_iterations": 0,
    "warmup_iterations": 2,
    "temperature_warmup": 3,
    "batch_size": 4,
    "iterations": 6,
    "snapshots": 2,
}


@pytest.fixture
def tiny():
    """Make the method with some settings: `tiny(iterations=3)`."""
    return lambda **changes: Dino(DinoSettings(**{**TINY, **changes}))


@pytest.fixture
def batch():
    """Prepare a batch: `batch(method, size, seed)`."""

    def prepare(method, size=4, seed=0):
        generator = np.random.default_rng(seed)
        return default_collate(
            [
                method.prepare(
                    Example(generator.integers(0, 256, (20, 30, 3), np.uint8), seed=number)
                )
                for number in range(size)
            ]
        )

    return prepare


@pytest.fixture
def network():
    """Build a method's network from a seed: `network(method)`."""

    def build(method, seed=0):
        torch.manual_seed(seed)
        return method.build()

    return build
