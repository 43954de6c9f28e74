"""Training TimeT by the loop: interrupted and resumed, in two processes, by the verb."""

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
from commonfate.models.encoders import formats
from commonfate.samples import index
from commonfate.storage.frames import FrameWriter
from commonfate.training import checkpoint
from commonfate.training.launch import Options
from commonfate.training.loop import train

TOLERANCE = 1e-5


@pytest.fixture
def index_path(tmp_path):
    """Six videos of noise, of one to six frames."""
    generator, store = np.random.default_rng(0), tmp_path / "frames.zarr.zip"
    with FrameWriter(store) as writer:
        for number in range(6):
            count = number + 1
            coarse = generator.integers(0, 256, (count, 4, 6, 3), np.uint8)
            frames, times = coarse.repeat(6, 1).repeat(6, 2), [t / 4 for t in range(count)]
            writer.add_video(f"v{number}", frames, times, 4.0)
    rows = [("toy", f"v{n}", 0, [0], str(store), "", 0, "", "", "clips") for n in range(6)]
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
    """With a teacher, and a queue that is full after two steps."""
    changes = {"teacher": "average", "queue": 16, "queued_patches": 2, "colour": "frame"}
    unbroken = run(tiny(**changes), tmp_path / "unbroken")
    with pytest.raises(KeyboardInterrupt):
        run(stopping_at(tiny(**changes), step), tmp_path / "broken")
    broken = run(tiny(**changes), tmp_path / "broken")
    assert unbroken["model"].keys() == broken["model"].keys()
    for name, tensor in unbroken["model"].items():
        assert torch.equal(tensor, broken["model"][name]), name
    assert int(unbroken["model"]["queue.filled"]) == 16


def test_its_log_and_its_snapshots(tiny, run, tmp_path):
    method = tiny()
    final = run(method, tmp_path / "run")
    lines = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    assert len(lines) == method.settings.iterations
    assert all(0 < line["entropy"] <= line["entropy_of_mean"] + 1e-6 for line in lines)
    assert lines[0]["weight_decay"] == pytest.approx(0.04)
    snapshots = sorted((tmp_path / "run/snapshots").iterdir())
    last = checkpoint.load(snapshots[-1])["model"]
    assert last.keys() == method.kept(method.build()).keys()
    assert all(torch.equal(last[name], final["model"][name]) for name in last)
    encoders = [formats.load(path) for path in (snapshots[-1], tmp_path / "run/checkpoint.pt")]
    images = torch.rand(1, 3, 16, 16)
    assert torch.equal(*(encoder(images)["tokens"] for encoder in encoders))


def test_the_verb_trains_it(tiny, index_path, tmp_path):
    pairs = [part for pair in to_pairs(tiny().settings) for part in ("--set", pair)]
    arguments = ["--index", str(index_path), "--method", "timet", *pairs, "--device", "cpu"]
    result = CliRunner().invoke(verb.command, [*arguments, "--output", str(tmp_path / "run")])
    assert result.exit_code == 0, result.output
    state = checkpoint.load(tmp_path / "run/checkpoint.pt")
    assert (state["method"], state["iteration"]) == ("timet", 6)


STEPS = """
from commonfate.methods.timet.method import Timet
from commonfate.methods.timet.settings import TimetSettings
from commonfate.samples.example import ClipExample
from commonfate.training.launch import launch
from commonfate.training.learner import Learner
from torch.utils.data import default_collate
import numpy as np

fabric = launch("cpu", world, 1, world, "32-true", 4)
generator = np.random.default_rng(0)
clips = generator.integers(0, 256, (4, 3, 20, 30, 3), np.uint8)
result = {}
for name, changes in CASES.items():
    method = Timet(TimetSettings(**{**TINY, **changes}))
    torch.manual_seed(1)
    learner, terms = Learner(method, fabric), []
    for iteration in range(4):
        items = [
            method.prepare(ClipExample(clip[0], clip=clip, seed=10 * iteration + n))
            for n, clip in enumerate(clips)
        ]
        share = default_collate(items[rank * 4 // world : (rank + 1) * 4 // world])
        terms.append(learner.gradient(share, iteration))
        learner.update(0.001, 0.1)
    result[name] = {"terms": terms, "model": learner.network.state_dict()}
"""
CASES = {
    "paper": {},
    "teacher and queue": {"teacher": "average", "queue": 36, "queued_patches": 9},
}
"""The queue takes all patches of a batch: which ones are drawn would depend on the process."""


@pytest.mark.slow
def test_two_processes_are_one_with_the_whole_batch(tiny, trained_processes):
    script = (
        f"TINY = {tiny().settings.model_dump(exclude={'targets', 'method'})}\nCASES = {CASES}\n"
    )
    (alone,), (first, second) = (trained_processes(world, script + STEPS) for world in (1, 2))
    for name in CASES:
        for key, tensor in first[name]["model"].items():
            assert torch.equal(tensor, second[name]["model"][key]), key
            if key.endswith("attn.qkv.bias") or key == "queue.rows":
                continue  # keys' has no gradient but rounding, which Adam takes for one; any order
            expected = alone[name]["model"][key]
            torch.testing.assert_close(tensor, expected, rtol=0, atol=TOLERANCE, msg=key)
        for whole, shared in zip(alone[name]["terms"], first[name]["terms"], strict=True):
            assert shared["loss"] == pytest.approx(whole["loss"], abs=TOLERANCE)
