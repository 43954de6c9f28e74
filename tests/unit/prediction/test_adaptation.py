"""Test-time adaptation: steps on one video's samples, from the trained weights each time."""

import math
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
import pytest
import torch
from lightning.fabric import Fabric
from torch import nn

from commonfate.base import parquet
from commonfate.base.errors import ConfigError
from commonfate.base.settings import TrainedSettings
from commonfate.methods.base import Segmenting, TrainedMethod
from commonfate.prediction.adaptation import AdaptationOptions, Adapter, read_samples, video_seed
from commonfate.samples import index, sampler
from commonfate.samples.build import build
from commonfate.storage.flow import open_writer
from commonfate.storage.frames import FrameWriter
from commonfate.training import checkpoint

SIZE = (4, 6)
MOTION = {"cat": 2.0, "dog": -3.0}
RATE, DECAY = 0.1, 0.01


class ShiftSettings(TrainedSettings):
    """A recipe whose schedule would give another rate than its peak."""

    method: Literal["shift"] = "shift"
    batch_size: int = 2
    flip: bool = False
    clip_norm: float = 1.0
    learning_rate: float = RATE
    iterations: int = 10
    snapshots: int = 1


class Shift(TrainedMethod, Segmenting):
    """Its network is a number: the motion that it believes in, and batch norm, which it ignores."""

    def build(self, pretrained=True):
        network = nn.Module()
        network.motion = nn.Parameter(torch.zeros(()))
        network.norm = nn.BatchNorm1d(1, affine=False)
        return network

    def prepare(self, example):
        return {"flow": torch.from_numpy(example.flow[0])}

    def loss(self, model, batch, iteration):
        assert model.training
        model.norm(batch["flow"].mean((1, 2))[:, None])
        return {"loss": (model.motion - batch["flow"]).abs().mean()}

    def optimiser(self, model):
        return torch.optim.AdamW([model.motion], lr=1.0, weight_decay=DECAY)

    def learning_rate(self, iteration):
        return 0.0

    def predict(self, model, frame, flow, *, size=None):
        raise NotImplementedError


class BrighteningSettings(ShiftSettings):
    """The same recipe, for pairs of frames."""

    learns_from: ClassVar[str] = "pairs"
    method: Literal["brightening"] = "brightening"


class Brightening(Shift):
    """Its number is by how much the other frame of a pair is brighter."""

    def prepare(self, example):
        frame, other = (torch.from_numpy(item).float() for item in (example.frame, example.other))
        return {"flow": (other - frame)[..., 0]}


@pytest.fixture
def stores(tmp_path):
    """Videos that move by one number each, and `eel`, which moves by infinity."""
    frames, flow = tmp_path / "frames.zarr.zip", tmp_path / "flow.zarr.zip"
    with FrameWriter(frames) as writer:
        for video in (*MOTION, "eel"):
            writer.add_video(video, np.zeros((3, *SIZE, 3), np.uint8), [0.0, 1.0, 2.0], 1.0)
    with open_writer(flow, provenance={}, key="") as writer:
        for video, motion in {**MOTION, "eel": math.nan}.items():
            pairs = [(t, np.full((2, *SIZE), motion, np.float32)) for t in range(2)]
            writer.add(video, 1, 3, SIZE, pairs)
    return frames, flow


@pytest.fixture
def samples(tmp_path, stores):
    """The index of these videos."""
    names = [str(store) for store in stores]
    videos = (*MOTION, "eel")
    rows = [("toy", v, t, [1], *names, 0, "", "", "flow") for v in videos for t in range(2)]
    path = tmp_path / "index.parquet"
    parquet.write(path, pd.DataFrame(rows, columns=list(index.COLUMNS)), {"inputs": {}})
    return index.read(path)


@pytest.fixture
def adapter(tmp_path, samples):
    """Make an adapter of a network trained to 1: `adapter(steps)`."""
    return adapters(tmp_path, Shift(ShiftSettings()), samples)


def adapters(tmp_path, method, samples):
    """Make adapters of a method's network, trained to 1."""
    network = method.build()
    with torch.no_grad():
        network.motion.fill_(1.0)
    path = tmp_path / "checkpoint.pt"
    state = {"model": network.state_dict(), "settings": {}, "iteration": 10}
    checkpoint.save(path, state)

    def make(steps, seed=0):
        fabric = Fabric(accelerator="cpu", devices=1)
        fabric.launch()
        return Adapter(method, path, AdaptationOptions(samples, steps, seed), fabric)

    return make


def shifted(towards, steps):
    """Where AdamW takes 1: a step is the rate long, for the gradient's sign never changes."""
    value = 1.0
    for _ in range(steps):
        value = value * (1 - RATE * DECAY) + RATE * np.sign(towards - value)
    return value


def test_steps_are_adamws_at_the_peak_rate(adapter):
    item = adapter(5)
    result = item.adapt("cat")
    assert float(item.network.motion.detach()) == pytest.approx(shifted(2.0, 5), abs=1e-5)
    assert (result.steps, result.problem) == (5, None)
    assert result.first_loss == pytest.approx(1.0)
    assert result.last_loss == pytest.approx(2.0 - shifted(2.0, 4), abs=1e-5)
    assert not item.network.training and result.seconds >= 0


def test_every_video_begins_with_the_trained_weights(adapter):
    item = adapter(5)
    item.adapt("cat")
    statistics = item.network.norm.running_mean.clone()
    result = item.adapt("dog")
    assert result.first_loss == pytest.approx(4.0)
    assert float(item.network.motion.detach()) == pytest.approx(shifted(-3.0, 5), abs=1e-5)
    # Batch norm: 1 - 0.9^5 of the way from the trained 0, not from cat's.
    assert float(item.network.norm.running_mean) == pytest.approx(-3 * (1 - 0.9**5), rel=1e-5)
    item.adapt("cat")
    assert torch.equal(item.network.norm.running_mean, statistics)


def test_the_method_says_at_which_rate(adapter, monkeypatch):
    monkeypatch.setattr(Shift, "adaptation_rate", 0.0)
    item = adapter(5)
    assert item.adapt("dog").steps == 5
    assert item.network.motion == 1.0


def test_a_loss_that_is_not_finite_leaves_the_trained_weights(adapter):
    item = adapter(5)
    result = item.adapt("eel")
    assert (result.steps, result.first_loss, result.last_loss) == (0, None, None)
    assert result.problem.startswith("step 1 is not finite (loss nan")
    assert item.network.motion == 1.0 and item.network.norm.running_mean == 0
    assert not item.network.training
    assert item.adapt("cat").problem is None


def test_a_video_without_samples(adapter, samples):
    item = adapter(5)
    item.adapt("cat")
    result = item.adapt("fox")
    assert result.problem == f"{samples.path} has no samples of it"
    assert result.steps == 0 and item.network.motion == 1.0


def test_only_its_own_samples_and_a_seed_of_its_own(adapter, monkeypatch):
    drawn = []
    batch = sampler.batch

    def spy(pool, seed, *rest):
        drawn.append(({sample.video for sample in pool.samples}, seed))
        return batch(pool, seed, *rest)

    monkeypatch.setattr(sampler, "batch", spy)
    item = adapter(2, seed=7)
    item.adapt("cat")
    item.adapt("dog")
    cat, dog = video_seed(7, "cat"), video_seed(7, "dog")
    assert drawn == [({"cat"}, cat)] * 2 + [({"dog"}, dog)] * 2
    assert len({cat, dog, video_seed(8, "cat")}) == 3


@pytest.fixture
def pairs(tmp_path):
    """The index of pairs of videos that brighten by the motion of the others, and of a still."""
    frames = tmp_path / "brightening.zarr.zip"
    with FrameWriter(frames) as writer:
        for video, motion in MOTION.items():
            shades = [np.full((*SIZE, 3), 100 + motion * t, np.uint8) for t in range(4)]
            writer.add_video(video, shades, [0.0, 1.0, 2.0, 3.0], 1.0)
        writer.add_video("fox", [np.zeros((*SIZE, 3), np.uint8)], [0.0], 1.0)
    manifest = tmp_path / "toy" / "manifest.parquet"
    table = pd.DataFrame({"id": [*MOTION, "fox"], "split": "val", "shard": 0, "status": "ok"})
    parquet.write(manifest, table.assign(reason=""), {"settings": {"dataset": "toy"}})
    path = tmp_path / "pairs.parquet"
    parquet.write(path, *build([manifest], [frames], [], "val", "pairs", {"toy": (1,)}))
    return read_samples(path, [*MOTION, "fox"], [frames])


def test_steps_on_pairs_of_the_video(tmp_path, pairs):
    """As AMD takes them: no flow, from the trained weights for each video."""
    item = adapters(tmp_path, Brightening(BrighteningSettings()), pairs)(5)
    for video, motion in MOTION.items():
        result = item.adapt(video)
        assert (result.steps, result.problem) == (5, None)
        assert result.first_loss == pytest.approx(abs(motion - 1.0))
        assert float(item.network.motion.detach()) == pytest.approx(shifted(motion, 5), abs=1e-5)
    result = item.adapt("fox")
    assert result.problem == f"{pairs.path} has no samples of it"
    assert result.steps == 0 and item.network.motion == 1.0


def test_samples_that_the_method_does_not_learn_from(tmp_path, samples):
    item = adapters(tmp_path, Brightening(BrighteningSettings()), samples)(1)
    with pytest.raises(ConfigError, match="toy/cat frame 0 is a sample with flow, but the method"):
        item.adapt("cat")


def test_the_samples_must_be_of_what_is_segmented(samples, stores, tmp_path):
    assert read_samples(samples.path, ["cat", "fox"], stores[:1]).samples == samples.samples
    with pytest.raises(ConfigError, match=r"index.parquet: has no sample of any of the 1 videos"):
        read_samples(samples.path, ["fox"], stores[:1])
    with pytest.raises(ConfigError, match=r"toy/cat frame 0 is of .*frames.zarr.zip, which is not"):
        read_samples(samples.path, ["cat"], [tmp_path / "others.zarr.zip"])
