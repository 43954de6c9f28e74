"""A tiny network of masked feature prediction, and batches of noise for it."""

import numpy as np
import pytest
import torch
from torch.utils.data import default_collate

from commonfate.methods.maskfeat.method import MaskFeatMethod
from commonfate.methods.maskfeat.settings import MaskFeatSettings
from commonfate.samples.example import Example

TINY = {
    "dim": 32,
    "depth": 2,
    "heads": 2,
    "patch": 8,
    "crop": 48,
    "scales": (3,),
    "measured_iterations": 3,
    "warmup_iterations": 2,
    "batch_size": 4,
    "iterations": 6,
    "snapshots": 2,
}


@pytest.fixture
def tiny():
    """Make the method with some settings: `tiny(iterations=3)`."""
    return lambda **changes: MaskFeatMethod(MaskFeatSettings(**{**TINY, **changes}))


@pytest.fixture
def batch():
    """Prepare a batch of coarse noise: `batch(method, size, seed)`."""

    def prepare(method, size=4, seed=0):
        generator = np.random.default_rng(seed)
        frames = generator.integers(0, 256, (size, 5, 8, 3), np.uint8)
        items = [
            method.prepare(Example(frame.repeat(11, 0).repeat(11, 1), seed=100 * seed + number))
            for number, frame in enumerate(frames)
        ]
        return default_collate(items)

    return prepare


@pytest.fixture
def network():
    """Build a method's network from a seed: `network(method)`."""

    def build(method, seed=0):
        torch.manual_seed(seed)
        return method.build()

    return build
