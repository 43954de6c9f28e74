"""A tiny method and a tiny index to train it on."""

from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pytest
import torch
from lightning.fabric import Fabric
from torch import nn

from commonfate.base import parquet
from commonfate.base.settings import TrainedSettings
from commonfate.methods.base import TrainedMethod
from commonfate.samples import index
from commonfate.storage.flow import open_writer
from commonfate.storage.flow_info import sources
from commonfate.storage.frames import FrameWriter
from commonfate.training.launch import Options

SIZE = (16, 32)


class TinySettings(TrainedSettings):
    """Hyper-parameters of a method that learns next to nothing."""

    method: Literal["tiny"] = "tiny"
    iterations: int = 10
    batch_size: int = 3
    clip_norm: float | None = 1.0
    snapshots: int = 2
    flip: bool = True
    learning_rate: float = 0.1
    start: str | None = None


class TinyMethod(TrainedMethod):
    """Predicts flow from colour; dropout makes it depend on torch's random state.

    `at(iteration, action)` calls something in the middle of a step.
    """

    def __init__(self, settings: TinySettings) -> None:
        super().__init__(settings)
        self.steps = 0
        self.actions = {}

    def at(self, step, action):
        self.actions[step] = action
        return self

    def start_file(self):
        return None if self.settings.start is None else Path(self.settings.start)

    def build(self, pretrained=True):
        return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.Dropout(0.5), nn.Conv2d(4, 2, 1))

    def prepare(self, example):
        image = torch.from_numpy(example.frame.copy()).permute(2, 0, 1) / 255
        sample = {"image": image, "flow": torch.from_numpy(example.flow)}
        return {name: value.flip(2) if example.flip else value for name, value in sample.items()}

    def loss(self, model, batch, iteration):
        self.steps += 1
        extra = self.actions.get(self.steps, lambda: 0.0)() or 0.0
        error = (model(batch["image"]) - batch["flow"]).square().mean()
        return {"loss": error + extra, "root": error.detach().sqrt()}

    def optimiser(self, model):
        return torch.optim.AdamW(model.parameters(), lr=1.0, weight_decay=0.0)

    def learning_rate(self, iteration):
        return self.settings.learning_rate * (1 - iteration / self.settings.iterations)

    def predict(self, model, frame, flow, *, size=None):
        raise NotImplementedError


@pytest.fixture
def tiny():
    """Make the method with some settings."""
    return lambda **settings: TinyMethod(TinySettings(**settings))


@pytest.fixture
def index_path(tmp_path) -> Path:
    """Six frames of noise with flow of gaps -1 and 1: 3 pixels each way, and noise."""
    generator = np.random.default_rng(0)
    frames, flow = tmp_path / "frames.zarr.zip", tmp_path / "flow.zarr.zip"
    with FrameWriter(frames) as writer:
        images = generator.integers(0, 256, (6, *SIZE, 3), np.uint8)
        writer.add_video("a", images, [float(t) for t in range(6)], 1.0)
    with open_writer(flow, provenance={}, key="") as writer:
        for gap in (-1, 1):
            flows = generator.normal(3, 1, (6, 2, *SIZE)).astype(np.float32)
            writer.add("a", gap, 6, SIZE, [(t, flows[t]) for t in sources(6, gap)])
    gaps = [[1], *[[-1, 1]] * 4, [-1]]
    rows = [("toy", "a", t, gaps[t], str(frames), str(flow), 0, "", "", "flow") for t in range(6)]
    path = tmp_path / "index.parquet"
    parquet.write(path, pd.DataFrame(rows, columns=list(index.COLUMNS)), {"inputs": {}})
    return path


@pytest.fixture
def train(index_path):
    """Train in this process: `train(method, folder)`."""
    from commonfate.training.loop import train

    def run(method, folder, seed=0, checkpoint_every=4, **options):
        fabric = Fabric(accelerator="cpu", devices=1)
        fabric.launch()
        options = Options(checkpoint_every=checkpoint_every, log_every=2, **options)
        train(method, index.read(index_path), folder, seed, fabric, options, {"device": "cpu"})

    return run
