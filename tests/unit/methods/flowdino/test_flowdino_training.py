"""Training FlowDINO by the loop: interrupted and resumed, in two processes, by the verb."""

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
from commonfate.storage.flow import open_writer
from commonfate.storage.flow_info import sources
from commonfate.storage.frames import FrameWriter
from commonfate.training import checkpoint
from commonfate.training.launch import Options
from commonfate.training.loop import train
from helpers.processes import results

TOLERANCE = 1e-5
LENGTHS = {"a": 4, "b": 2, "c": 3}


def noise(generator, count):
    coarse = generator.integers(0, 256, (count, 4, 6, 3), np.uint8)
    return coarse.repeat(6, 1).repeat(6, 2)


@pytest.fixture
def indexes(tmp_path):
    """Three videos of noise with flow, and five images; the paths of their indexes."""
    generator = np.random.default_rng(0)
    frames, flow, photos = (tmp_path / f"{name}.zarr.zip" for name in ("frames", "flow", "photos"))
    rows = []
    with (
        FrameWriter(frames) as frame_writer,
        open_writer(flow, "zarr", provenance={}, key="") as flow_writer,
    ):
        for video, length in LENGTHS.items():
            times = [t / 5 for t in range(length)]
            frame_writer.add_video(video, noise(generator, length), times, 5.0)
            pairs = [(t, square(generator)) for t in sources(length, 1)]
            flow_writer.add(video, 1, length, (24, 36), pairs)
            rows += [
                ("toy", video, t, [1], str(frames), str(flow), 0, "", "", "flow")
                for t in range(length - 1)
            ]
    with FrameWriter(photos) as writer:
        for number in range(5):
            writer.add_video(f"p{number}", noise(generator, 1), [0.0], 1.0)
    images = [("photos", f"p{n}", 0, [0], str(photos), "", 0, "", "", "frames") for n in range(5)]
    paths = []
    for name, own in (("index", rows), ("beside", images)):
        paths.append(tmp_path / f"{name}.parquet")
        parquet.write(paths[-1], pd.DataFrame(own, columns=list(index.COLUMNS)), {"inputs": {}})
    return paths


def square(generator):
    field = np.zeros((2, 24, 36), np.float32)
    field[:, 6:18, 9:27] = generator.uniform(-4, 4, (2, 1, 1))
    return field


@pytest.fixture
def run(indexes):
    """Train in this process: `run(method, folder)`."""

    def go(method, folder):
        fabric = Fabric(accelerator="cpu", devices=1)
        fabric.launch()
        options = Options(checkpoint_every=2, log_every=1)
        frames, images = map(index.read, indexes)
        beside = images if method.settings.learns_beside else None
        train(method, frames, folder, 0, fabric, options, {"device": "cpu"}, beside)
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


@pytest.mark.parametrize(
    ("step", "changes"), [(1, {}), (4, {"flow_head": True}), (3, {"distils": "frames"})]
)
def test_a_resumed_training_is_the_same_to_the_bit(tiny, run, tmp_path, step, changes):
    unbroken = run(tiny(**changes), tmp_path / "unbroken")
    with pytest.raises(KeyboardInterrupt):
        run(stopping_at(tiny(**changes), step), tmp_path / "broken")
    broken = run(tiny(**changes), tmp_path / "broken")
    assert unbroken["model"].keys() == broken["model"].keys()
    for name, tensor in unbroken["model"].items():
        assert torch.equal(tensor, broken["model"][name]), name


def test_its_log_says_both_losses(tiny, run, tmp_path):
    method = tiny(flow_weight=0.5)
    final = run(method, tmp_path / "run")
    lines = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    assert len(lines) == method.settings.iterations
    for line in lines:
        assert line["loss"] == pytest.approx(line["dino"] + 0.5 * line["flow"], rel=1e-5)
        assert line["flow"] > 0
    assert "+" in final["samples"]
    assert final["beside"].endswith("beside.parquet")
    snapshot = sorted((tmp_path / "run/snapshots").iterdir())[-1]
    last, model = checkpoint.load(snapshot)["model"], method.build()
    assert last.keys() == method.kept(model).keys()
    # Enough to segment frames by, though the heads are not in it.
    checkpoint.load_weights(snapshot, model, method.kept(model))
    assert all(torch.equal(tensor, last[name]) for name, tensor in method.kept(model).items())


SCRIPT = """
import sys
import numpy as np, torch
from commonfate.base.settings import from_pairs
from commonfate.methods.flowdino.method import FlowDino
from commonfate.methods.flowdino.settings import FlowDinoSettings
from commonfate.samples.example import Example
from commonfate.training.launch import launch
from commonfate.training.learner import Learner
from torch.utils.data import default_collate

world, rank, folder, *pairs = int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:]
fabric = launch("cpu", world, 1, world, "32-true", 4)
method = FlowDino(from_pairs(FlowDinoSettings, pairs))
generator = np.random.default_rng(0)
pictures = generator.integers(0, 256, (2, 4, 24, 30, 3), np.uint8)
flows = np.zeros((4, 2, 24, 30), np.float32)
flows[:, :, 6:16, 8:20] = generator.uniform(-3, 3, (4, 2, 1, 1))
flows[0, :, 10:] = np.nan
flows[3] = 0  # one process has a frame that stands still
torch.manual_seed(1)
learner, terms = Learner(method, fabric), []
for iteration in range(10):
    items = [
        method.prepare(Example(frame, flow, seed=20 * iteration + n,
                               beside=Example(image, seed=20 * iteration + 10 + n)))
        for n, (frame, image, flow) in enumerate(zip(*pictures, flows))
    ]
    share = default_collate(items[rank * 4 // world : (rank + 1) * 4 // world])
    terms.append(learner.gradient(share, iteration))
    learner.update(0.0003, 0.1)
torch.save({"terms": terms, "model": learner.network.state_dict()}, f"{folder}/{world}-{rank}.pt")
"""


@pytest.mark.slow
def test_two_processes_are_one_with_the_whole_batch(tiny, tmp_path):
    """Ten steps without drop path, whose draws differ: losses, centre and weights."""
    pairs = to_pairs(tiny(drop_path=0, iterations=10).settings)
    (alone,) = results(1, tmp_path, SCRIPT, pairs)
    first, second = results(2, tmp_path, SCRIPT, pairs)
    for name, tensor in first["model"].items():
        assert torch.equal(tensor, second["model"][name]), name
        if name.endswith("attn.qkv.bias"):
            continue  # that of keys has no gradient but rounding, which Adam takes for one
        torch.testing.assert_close(tensor, alone["model"][name], rtol=0, atol=TOLERANCE)
    for whole, shared in zip(alone["terms"], first["terms"], strict=True):
        for name in ("loss", "dino", "flow"):
            assert shared[name] == pytest.approx(whole[name], abs=TOLERANCE)


def arguments(tiny, paths, folder, **changes):
    pairs = [part for pair in to_pairs(tiny(**changes).settings) for part in ("--set", pair)]
    beside = ["--beside", str(paths[1])] if len(paths) > 1 else []
    own = ["--index", str(paths[0]), *beside, "--method", "flowdino", *pairs, "--device", "cpu"]
    return [*own, "--output", str(folder)]


def test_the_verb_trains_it(tiny, indexes, tmp_path):
    result = CliRunner().invoke(verb.command, arguments(tiny, indexes, tmp_path / "run"))
    assert result.exit_code == 0, result.output
    state = checkpoint.load(tmp_path / "run/checkpoint.pt")
    assert (state["method"], state["iteration"]) == ("flowdino", 6)
    assert {str(path) for path in indexes} <= state["provenance"]["inputs"].keys()
    encoder = tiny().encoder_of(state["model"])
    assert encoder(torch.rand(1, 3, 8, 16), ("cls",))["cls"].shape == (1, 16)


def test_the_verb_wants_a_second_index_only_for_images(tiny, indexes, tmp_path):
    run = tmp_path / "run"
    missing = CliRunner().invoke(verb.command, arguments(tiny, indexes[:1], run))
    assert "learns from two samples at a time" in str(missing.exception)
    extra = CliRunner().invoke(verb.command, arguments(tiny, indexes, run, distils="frames"))
    assert "with these settings learns from one index alone" in str(extra.exception)
