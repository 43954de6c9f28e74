"""A broken training goes on as if it had never been broken; what comes out is a small file."""

import json

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from commonfate.training.flow import held_out
from commonfate.training.flow.export import export
from commonfate.training.flow.pairs import EndlessPairs
from commonfate.training.flow.settings import FlowTrainingSettings
from commonfate.training.flow.task import FlowTask
from commonfate.training.flow.train import train
from commonfate.training.launch import Options, launch
from commonfate.training.run_folder import RunFolder

SETTINGS = FlowTrainingSettings(
    updates=1,
    evaluation_updates=1,
    iterations=4,
    batch_size=1,
    crop=(128, 128),
    scene_size=(128, 160),
    scene_frames=6,
    gaps=(1,),
    scenes=1,
    held_out_scenes=1,
    evaluate_every=2,
)


@pytest.fixture(scope="module")
def fabric():
    return launch("cpu", 1, 1, 1, SETTINGS.precision, SETTINGS.batch_size)


def run(folder, fabric, seed=5):
    task = FlowTask("raft_small", SETTINGS, seed)
    options = Options(workers=0, checkpoint_every=1, log_every=1)
    return train(task, RunFolder(folder), seed, fabric, options, {"verb": "test"})


def metrics(folder):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{key: line[key] for key in line if key != "seconds"} for line in lines]


@pytest.fixture(scope="module")
def unbroken(fabric, tmp_path_factory):
    folder = tmp_path_factory.mktemp("flow") / "unbroken"
    return folder, run(folder, fabric)


def test_a_broken_training_ends_with_the_same_bits(unbroken, fabric, tmp_path, monkeypatch):
    folder, expected = unbroken
    broken = tmp_path / "broken"
    with monkeypatch.context() as patched:
        read = EndlessPairs.__getitem__
        patched.setattr(
            EndlessPairs, "__getitem__", lambda self, n: read(self, n) if n < 3 else 1 / 0
        )
        with pytest.raises(ZeroDivisionError):
            run(broken, fabric)
    assert not (broken / "checkpoint.pt").exists()
    state = run(broken, fabric)
    for name, weight in expected["model"].items():
        assert torch.equal(weight, state["model"][name]), name
    assert metrics(broken) == metrics(folder)


def test_metrics_hold_dis_at_the_start_and_errors_on_the_way(unbroken):
    lines = metrics(unbroken[0])
    assert [line["iteration"] for line in lines if "loss" in line] == [1, 2, 3, 4]
    assert [line["iteration"] for line in lines if "held_out" in line] == [2, 4]
    assert list(lines[0]) == ["iteration", "dis"]
    assert 0 < lines[0]["dis"]["epe"] < lines[-1]["held_out"]["epe"]  # after four steps


def test_a_finished_training_is_not_done_again(unbroken, fabric, monkeypatch):
    folder, expected = unbroken
    monkeypatch.setattr(EndlessPairs, "__getitem__", lambda self, n: 1 / 0)
    assert torch.equal(
        *(item["model"]["fnet.conv1.weight"] for item in (expected, run(folder, fabric)))
    )


def test_exported_weights_are_small_half_precision_and_say_what_they_are(unbroken, tmp_path):
    _, state = unbroken
    task, path = FlowTask("raft_small", SETTINGS, 5), tmp_path / "raft_small.sprites.safetensors"
    export(task, state, path)
    assert path.stat().st_size < 2.1e6
    weights = load_file(path)
    assert weights.keys() == state["model"].keys()
    for name, weight in weights.items():
        assert torch.equal(weight, state["model"][name].half()), name
    with safe_open(path, "pt") as file:
        message = file.metadata()
    assert (message["network"], message["seed"], message["iterations"]) == ("raft_small", "5", "4")
    assert json.loads(message["recipe"]) == SETTINGS.model_dump(mode="json")
    model = task.build(updates=1).eval()
    model.load_state_dict(weights)
    errors = held_out.draw(SETTINGS).errors(held_out.of_network(model))
    assert json.loads(message["epe"])["weights"] == pytest.approx(errors)
