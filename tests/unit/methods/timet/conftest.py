"""A tiny TimeT, batches of noise for it, and scripts in several processes that share a batch."""

import numpy as np
import pytest
import torch
from torch.utils.data import default_collate

from commonfate.methods.timet.method import Timet
from commonfate.methods.timet.settings import TimetSettings
from commonfate.samples.example import ClipExample
from helpers.processes import results

ARGUMENTS = """
import sys
import torch
from torch import distributed

world, rank, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
"""
START = f"""{ARGUMENTS}
if world > 1:
    distributed.init_process_group(
        "gloo", init_method=f"file://{{folder}}/meeting", rank=rank, world_size=world
    )
"""
END = """
torch.save(result, f"{folder}/{world}-{rank}.pt")
if distributed.is_initialized():  # else a thread of gloo may end a process by a signal
    distributed.destroy_process_group()
"""


@pytest.fixture
def processes(tmp_path):
    """Run a script that sets `result` in each process: `processes(world, script)`."""
    return lambda world, script: results(world, tmp_path, START + script + END, ())


@pytest.fixture
def trained_processes(tmp_path):
    """The same for a script that launches the training's own group of processes."""
    return lambda world, script: results(world, tmp_path, ARGUMENTS + script + END, ())


TINY = {
    "encoder": "random.vit_smoke_8",
    "trained_blocks": 1,
    "head": (16, 8),
    "prototypes": 6,
    "frames": 3,
    "crop": 24,
    "batch_size": 4,
    "iterations": 6,
    "snapshots": 2,
}


@pytest.fixture
def tiny():
    """Make the method with some settings: `tiny(iterations=3)`."""
    return lambda **changes: Timet(TimetSettings(**{**TINY, **changes}))


@pytest.fixture
def batch():
    """Prepare a batch of coarse noise: `batch(method, size, seed)`."""

    def prepare(method, size=4, seed=0):
        generator = np.random.default_rng(seed)
        clips = generator.integers(0, 256, (size, method.settings.frames, 5, 8, 3), np.uint8)
        clips = clips.repeat(6, 2).repeat(6, 3)
        items = [
            method.prepare(ClipExample(clip[0], clip=clip, seed=100 * seed + number))
            for number, clip in enumerate(clips)
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
