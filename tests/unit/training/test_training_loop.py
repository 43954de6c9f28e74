"""The loop as a whole: what it leaves, and that interruptions leave no trace in it."""

import json
import os
import signal

import pytest
import torch
import yaml

from commonfate.base.errors import UserError
from commonfate.training import checkpoint, loop


class Crash(Exception):
    """Something of ours went wrong."""


def crash():
    raise Crash


def metrics(folder, drop=("seconds",)):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{key: line[key] for key in line if key not in drop} for line in lines]


def assert_same_training(entry, other):
    """Weights, optimiser, random states, metrics and snapshots agree to the bit."""
    first, second = (checkpoint.load(folder / "checkpoint.pt") for folder in (entry, other))
    for name, weight in first["model"].items():
        assert torch.equal(weight, second["model"][name]), name
    for key in ("optimiser", "random"):
        assert flat(first[key]) == flat(second[key])
    assert metrics(entry) == metrics(other)
    names = sorted(file.name for file in (entry / "snapshots").iterdir())
    assert names == sorted(file.name for file in (other / "snapshots").iterdir())
    for name in names:
        weights = [
            checkpoint.load(folder / "snapshots" / name)["model"] for folder in (entry, other)
        ]
        assert flat(weights[0]) == flat(weights[1])


def flat(value):
    if isinstance(value, torch.Tensor):
        return value.tolist()
    if isinstance(value, dict):
        return {key: flat(item) for key, item in value.items()}
    return [flat(item) for item in value] if isinstance(value, list | tuple) else value


def test_what_a_training_leaves(tiny, train, tmp_path):
    train(tiny(), tmp_path / "run")
    model = tiny().build()
    metadata = checkpoint.load_weights(tmp_path / "run/checkpoint.pt", model)
    assert metadata["iteration"] == 10
    assert metadata["settings"] == tiny().settings.model_dump(mode="json")
    lines = metrics(tmp_path / "run", drop=())
    assert [line["iteration"] for line in lines] == [2, 4, 6, 8, 10]
    assert set(lines[0]) == {
        "iteration", "loss", "root", "gradient_norm", "learning_rate", "seconds"
    }  # fmt: skip
    assert [line["learning_rate"] for line in lines] == pytest.approx(
        [0.09, 0.07, 0.05, 0.03, 0.01]
    )
    last = checkpoint.load(tmp_path / "run/snapshots/000010.pt")
    assert flat(last["model"]) == flat(model.state_dict())
    assert (tmp_path / "run/snapshots/000005.pt").exists()
    config = yaml.safe_load((tmp_path / "run/config.yaml").read_text())
    assert (config["method"], config["seed"]) == ("tiny", 0)
    assert config["provenance"] == {"device": "cpu"}


def test_the_loss_goes_down(tiny, train, tmp_path):
    train(tiny(iterations=60), tmp_path / "run")
    losses = [line["loss"] for line in metrics(tmp_path / "run")]
    assert losses[0] > 5  # 3^2 for the mean, 1 for the noise
    assert losses[-1] < 3


@pytest.mark.parametrize("step", [2, 7, 10])
def test_a_crashed_training_goes_on_as_if_unbroken(tiny, train, tmp_path, step):
    train(tiny(), tmp_path / "unbroken")
    with pytest.raises(Crash):
        train(tiny().at(step, crash), tmp_path / "broken")
    assert not (tmp_path / "broken/checkpoint.pt").exists()
    again = tiny()
    train(again, tmp_path / "broken")
    assert again.steps == 10 - 4 * ((step - 1) // 4)
    assert_same_training(tmp_path / "unbroken", tmp_path / "broken")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_the_state_and_says_how_to_go_on(tiny, train, tmp_path, number):
    train(tiny(), tmp_path / "unbroken")
    interrupted = tiny().at(6, lambda: os.kill(os.getpid(), number))
    with pytest.raises(UserError, match=rf"stopped by {number.name} after iteration 6 of 10"):
        train(interrupted, tmp_path / "broken")
    again = tiny()
    train(again, tmp_path / "broken")
    assert again.steps == 4
    assert_same_training(tmp_path / "unbroken", tmp_path / "broken")


def test_time_makes_checkpoints(tiny, train, tmp_path):
    with pytest.raises(Crash):
        train(tiny().at(6, crash), tmp_path / "run", checkpoint_every=None, checkpoint_every_s=0)
    assert checkpoint.load(tmp_path / "run/.resume.pt")["iteration"] == 5


def test_other_settings_begin_anew_and_say_so(tiny, train, tmp_path, caplog):
    with pytest.raises(Crash):
        train(tiny().at(9, crash), tmp_path / "run")
    changed = tiny(learning_rate=0.2)
    with caplog.at_level("INFO"):
        train(changed, tmp_path / "run", seed=1)
    assert changed.steps == 10
    assert "differs in seed, settings.learning_rate; training anew" in caplog.text
    train(tiny(learning_rate=0.2), tmp_path / "fresh", seed=1)
    assert_same_training(tmp_path / "run", tmp_path / "fresh")


def test_deleted_products_of_a_finished_training_come_back_without_training(tiny, train, tmp_path):
    train(tiny(), tmp_path / "run")
    before = (tmp_path / "run/checkpoint.pt").read_bytes()
    for name in ("checkpoint.pt", "config.yaml", "metrics.jsonl"):
        (tmp_path / "run" / name).unlink()
    idle = tiny().at(1, crash)
    train(idle, tmp_path / "run")
    assert (tmp_path / "run/checkpoint.pt").read_bytes() == before


def test_a_finished_training_of_other_code_is_done_again(tiny, train, tmp_path, monkeypatch):
    train(tiny(), tmp_path / "run")
    monkeypatch.setattr(loop, "code_digest", lambda: "changed")
    again = tiny()
    train(again, tmp_path / "run")
    assert again.steps == 10


def test_a_training_from_other_weights_is_done_again(tiny, train, tmp_path, caplog):
    start = tmp_path / "start.pt"
    start.write_bytes(b"weights")
    for content, steps in ((b"weights", 10), (b"weights", 0), (b"others", 10)):
        start.write_bytes(content)
        method = tiny(start=str(start))
        train(method, tmp_path / "run")
        assert method.steps == steps
    with caplog.at_level("INFO"):
        train(tiny(), tmp_path / "run")
    assert "differs in start, settings.start; training anew" in caplog.text


def test_a_resumed_training_tells_its_past(tiny, train, tmp_path):
    with pytest.raises(Crash):
        train(tiny().at(6, crash), tmp_path / "run")
    train(tiny(), tmp_path / "run")
    config = yaml.safe_load((tmp_path / "run/config.yaml").read_text())
    assert config["provenance"]["earlier"] == [{"iteration": 4, "device": "cpu"}]


def test_equal_seeds_give_equal_weights_and_others_do_not(tiny, train, tmp_path):
    train(tiny(), tmp_path / "one")
    train(tiny(), tmp_path / "two")
    train(tiny(), tmp_path / "three", seed=1)
    assert_same_training(tmp_path / "one", tmp_path / "two")
    weights = [checkpoint.load(tmp_path / n / "checkpoint.pt")["model"] for n in ("one", "three")]
    assert flat(weights[0]) != flat(weights[1])
