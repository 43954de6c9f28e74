"""Several processes of a script that train together, as a launcher would start them."""

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

STEPS = """
import importlib, sys
import numpy as np, torch
from commonfate import methods
from commonfate.base.settings import from_pairs
from commonfate.samples.example import Example
from commonfate.training.launch import launch
from commonfate.training.learner import Learner
from torch.utils.data import default_collate

world, rank, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
module, name, rate, *pairs = sys.argv[4:]
fabric = launch("cpu", world, 1, world, "32-true", 4)
method = methods.create(from_pairs(getattr(importlib.import_module(module), name), pairs))
generator = np.random.default_rng(0)
frames = generator.integers(0, 256, (4, 20, 30, 3), np.uint8)
torch.manual_seed(1)
learner, terms, gradients = Learner(method, fabric), [], []
for iteration in range(4):
    items = [method.prepare(Example(f, seed=10 * iteration + n)) for n, f in enumerate(frames)]
    share = default_collate(items[rank * 4 // world : (rank + 1) * 4 // world])
    terms.append(learner.gradient(share, iteration))
    named = learner.network.named_parameters()
    gradients.append({name: p.grad.clone() for name, p in named if p.grad is not None})
    learner.update(float(rate), 0.1)
state = {"terms": terms, "gradients": gradients, "model": learner.network.state_dict()}
torch.save(state, f"{folder}/{world}-{rank}.pt")
"""
"""Four steps of a method on four still images: MODULE and NAME of its settings, the learning rate,
pairs of settings; saves terms and gradients of the steps, and the weights after them."""


def results(world: int, folder: Path, script: str, arguments: Sequence[object]) -> list[Any]:
    """Run a script as `world` processes: `script WORLD RANK FOLDER *arguments`.

    Returns:
        For each rank the object that it saved as FOLDER/WORLD-RANK.pt.
    """
    (folder / "script.py").write_text(script)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = []
    for rank in range(world):
        variables = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": world}
        variables |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        environment = {**os.environ, **{name: str(value) for name, value in variables.items()}}
        words = [folder / "script.py", world, rank, folder, *arguments]
        command = [sys.executable, *map(str, words)]
        running.append(subprocess.Popen(command, env=environment))
    assert [process.wait(timeout=240) for process in running] == [0] * world
    return [torch.load(folder / f"{world}-{rank}.pt") for rank in range(world)]
