"""A tiny FlowDINO, and batches of noise with smooth flow for it."""

import numpy as np
import pytest
import torch
from torch.utils.data import default_collate

from commonfate.methods.flowdino.method import FlowDino
from commonfate.methods.flowdino.settings import FlowDinoSettings
from commonfate.samples.example import Example

TINY = {
    "dim": 16,
    "depth": 2,
    "heads": 2,
    "patch": 4,
    "global_crop": 20,
    "local_crop": 12,
    "local_crops": 3,
    "outputs": 12,
    "hidden": 16,
    "bottleneck": 8,
    "batch_size": 4,
    "iterations": 6,
    "learning_rate": 1e-3,
    "snapshots": 2,
}


def make_example(generator, number, image=True):
    """A frame of noise with a moving square, and an image beside it."""
    flow = np.zeros((2, 24, 30), np.float32)
    flow[:, 6:16, 8:20] = generator.uniform(-3, 3, (2, 1, 1))
    flow[:, :3, :3] = np.nan
    frame = generator.integers(0, 256, (24, 30, 3), np.uint8)
    beside = Example(generator.integers(0, 256, (18, 16, 3), np.uint8), seed=1000 + number)
    return Example(frame, flow=flow, seed=number, beside=beside if image else None)


@pytest.fixture
def tiny():
    """Make the method with some settings: `tiny(distils="frames")`."""
    return lambda **changes: FlowDino(FlowDinoSettings(**{**TINY, **changes}))


@pytest.fixture
def batch():
    """Prepare a batch: `batch(method, size, seed)`."""

    def prepare(method, size=4, seed=0):
        generator = np.random.default_rng(seed)
        image = method.settings.learns_beside is not None
        return default_collate(
            [method.prepare(make_example(generator, number, image)) for number in range(size)]
        )

    return prepare


@pytest.fixture
def network():
    """Build a method's network from a seed: `network(method)`."""

    def build(method, seed=0, pretrained=True):
        torch.manual_seed(seed)
        return method.build(pretrained)

    return build
