"""Training DINO by the loop: interrupted and resumed, in two processes, by the verb."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from click.testing import CliRunner
from lightning.fabric import Fabric

from commonfate.base import parquet
from commonfate.base.settings import to_pairs
from commonfate.cli import train as verb
from commonfate.samples import index
from commonfate.storage.frames import FrameWriter
from commonfate.training import checkpoint
from commonfate.training.launch import Options
from commonfate.training.loop import train
from helpers import processes

TOLERANCE = 1e-5


@pytest.fixture
def index_path(tmp_path):
    """Eight still images of noise, as samples without flow."""
    generator, store = np.random.default_rng(0), tmp_path / "frames.zarr.zip"
    with FrameWriter(store) as writer:
        for number in range(8):
            coarse = generator.integers(0, 256, (1, 4, 6, 3), np.uint8)
            writer.add_video(f"v{number}", coarse.repeat(6, 1).repeat(6, 2), [0.0], 1.0)
    rows = [("toy", f"v{n}", 0, [0], str(store), "", 0, "", "", "frames") for n in range(8)]
    path = tmp_path / "index.parquet"
    parquet.write(path, pd.DataFrame(rows, columns=list(index.COLUMNS)), {"inputs": {}})
    return path


@pytest.fixture
def run(index_path):
    """Train in this process: `run(method, folder)`."""

    def go(method, folder):
        fabric = Fabric(accelerator="cpu", devices=1)
        fabric.launch()
        options = Options(checkpoint_every=2, log_every=1)
        train(method, index.read(index_path), folder, 0, fabric, options, {"device": "cpu"})
        return checkpoint.load(folder / "checkpoint.pt")

    return go


def stopping_at(method, step):
    """The method, interrupted before the step changes anything."""
    loss = method.loss

    def stopping_loss(model, batch, iteration):
        if iteration == step:
            raise KeyboardInterrupt
        return loss(model, batch, iteration)

    method.loss = stopping_loss
    return method


@pytest.mark.parametrize("step", [1, 4])
def test_a_resumed_training_is_the_same_to_the_bit(tiny, run, tmp_path, step):
    unbroken = run(tiny(frozen_iterations=3), tmp_path / "unbroken")
    with pytest.raises(KeyboardInterrupt):
        run(stopping_at(tiny(frozen_iterations=3), step), tmp_path / "broken")
    broken = run(tiny(frozen_iterations=3), tmp_path / "broken")
    assert unbroken["model"].keys() == broken["model"].keys()
    for name, tensor in unbroken["model"].items():
        assert torch.equal(tensor, broken["model"][name]), name


def test_its_log_and_its_snapshots(tiny, run, tmp_path):
    method = tiny()
    final = run(method, tmp_path / "run")
    lines = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    assert len(lines) == method.settings.iterations
    assert all(0 < line["entropy"] <= line["entropy_of_mean"] <= np.log(12) for line in lines)
    assert lines[0]["weight_decay"] == pytest.approx(0.04)
    snapshots = sorted((tmp_path / "run/snapshots").iterdir())
    last = checkpoint.load(snapshots[-1])["model"]
    assert last.keys() == method.kept(method.build()).keys()
    assert all(torch.equal(last[name], final["model"][name]) for name in last)


@pytest.mark.slow
def test_two_processes_are_one_with_the_whole_batch(tiny, tmp_path):
    """Without drop path, whose draws differ; the last layer begins at the third step."""
    settings = tiny(drop_path=0, frozen_iterations=2).settings
    arguments = [type(settings).__module__, type(settings).__name__, 0.001, *to_pairs(settings)]
    (alone,) = processes.results(1, tmp_path, processes.STEPS, arguments)
    first, second = processes.results(2, tmp_path, processes.STEPS, arguments)
    for name, tensor in first["model"].items():
        assert torch.equal(tensor, second["model"][name]), name
        if name.endswith("attn.qkv.bias"):
            continue  # that of keys has no gradient but rounding, which Adam takes for one
        torch.testing.assert_close(tensor, alone["model"][name], rtol=0, atol=TOLERANCE)
    for whole, shared in zip(alone["terms"], first["terms"], strict=True):
        assert shared["loss"] == pytest.approx(whole["loss"], abs=TOLERANCE)


def test_the_verb_trains_it(tiny, index_path, tmp_path):
    pairs = [part for pair in to_pairs(tiny().settings) for part in ("--set", pair)]
    arguments = ["--index", str(index_path), "--method", "dino", *pairs, "--device", "cpu"]
    result = CliRunner().invoke(verb.command, [*arguments, "--output", str(tmp_path / "run")])
    assert result.exit_code == 0, result.output
    state = checkpoint.load(tmp_path / "run/checkpoint.pt")
    assert (state["method"], state["iteration"]) == ("dino", 6)
    encoder = tiny().encoder_of(state["model"])
    assert encoder(torch.rand(1, 3, 8, 16), ("cls",))["cls"].shape == (1, 16)
