"""Buffers that a method sets after its steps: samples, and no trace in the training."""

import pytest
import torch
from lightning.fabric import Fabric

from commonfate.base.errors import UserError
from commonfate.samples.index import Sample
from commonfate.training import checkpoint, data, session


class Settling:
    """Give a method a buffer that it settles: the mean of its output on what it is shown."""

    def __init__(self, method):
        self.method, self.shown = method, []
        build = method.build

        def with_buffer(pretrained=True):
            network = build(pretrained)
            network.register_buffer("settled", torch.zeros(()))
            return network

        method.build, method.finalize = with_buffer, self.finalize

    def finalize(self, model, batches):
        assert not model.training
        assert not torch.is_grad_enabled()
        torch.rand(())  # draws, as a network might
        outputs = []
        for batch in batches:
            self.shown.append(batch["image"])
            outputs.append(model(batch["image"]))
        model.settled.fill_(torch.cat(outputs).mean())


@pytest.fixture
def settling(tiny):
    """Make a tiny method that settles something."""
    return lambda **settings: Settling(tiny(**settings))


def models(folder):
    """Weights of all snapshots and of the checkpoint, by name."""
    files = [*sorted((folder / "snapshots").iterdir()), folder / "checkpoint.pt"]
    return {file.name: checkpoint.load(file)["model"] for file in files}


def test_every_snapshot_holds_what_was_settled_for_its_weights(settling, train, tmp_path):
    subject = settling()
    train(subject.method, tmp_path / "run")
    result = models(tmp_path / "run")
    assert [len(images) for images in subject.shown] == 2 * [3, 3]  # six samples, twice
    images = torch.cat(subject.shown[:2])
    assert torch.equal(images, torch.cat(subject.shown[2:]))
    for weights in result.values():
        network = subject.method.build()
        network.load_state_dict(weights)
        with torch.no_grad():
            expected = network.eval()(images).mean()
        torch.testing.assert_close(weights["settled"], expected)
    first, last, final = (model["settled"] for model in result.values())
    assert first != last
    assert torch.equal(last, final)


def test_the_training_is_the_same_with_and_without(settling, tiny, train, tmp_path):
    train(settling().method, tmp_path / "with")
    train(tiny(), tmp_path / "without")
    result, expected = models(tmp_path / "with"), models(tmp_path / "without")
    for name, weights in expected.items():
        assert result[name].keys() == {*weights, "settled"}
        assert all(torch.equal(result[name][key], weights[key]) for key in weights)
    states = [checkpoint.load(tmp_path / name / "checkpoint.pt") for name in ("with", "without")]
    assert torch.equal(states[0]["random"][0]["torch"], states[1]["random"][0]["torch"])


@pytest.mark.parametrize("step", [4, 6, 10])
def test_a_broken_off_training_settles_the_same(settling, train, tmp_path, step):
    def stop():
        raise KeyboardInterrupt

    train(settling().method, tmp_path / "unbroken")
    with pytest.raises(KeyboardInterrupt):
        train(settling().method.at(step, stop), tmp_path / "broken")
    train(settling().method, tmp_path / "broken")
    result, expected = (models(tmp_path / name) for name in ("broken", "unbroken"))
    for name, weights in expected.items():
        assert all(torch.equal(result[name][key], weights[key]) for key in weights)


def test_a_method_that_asks_for_nothing_reads_nothing(tiny, tmp_path):
    fabric = Fabric(accelerator="cpu", devices=1)
    fabric.launch()
    method, missing = tiny(), tmp_path / "no.zarr.zip"
    samples = (Sample("toy", "a", 0, (1,), str(missing), str(missing)),)
    network = method.build().train()
    session.finalize(method, network, data.SampleData(method, samples).spread(10, fabric))
    assert network.training
    with pytest.raises(UserError, match=r"no\.zarr\.zip"):
        subject = Settling(method).method
        session.finalize(subject, network, data.SampleData(subject, samples).spread(10, fabric))


def test_samples_are_spread_evenly_in_order_each_with_its_first_gap():
    samples = [Sample("toy", "a", t, (-1 - t % 2, 1), "", "") for t in range(10)]
    keys = data.evenly_spread(samples, 4)
    assert [(key.index, key.gap) for key in keys] == [(0, -1), (2, -1), (5, -2), (7, -2)]
    assert not any(key.flip for key in keys)
    assert len({key.seed for key in keys}) == 4
    assert [key.index for key in data.evenly_spread(samples, 99)] == list(range(10))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"iterations": 4, "batch_size": 2}, [4, 8]),  # no more than were learnt from
        ({"iterations": 4, "batch_size": 8}, [10, 20]),
    ],
)
def test_how_many_samples_are_looked_at(tiny, train, tmp_path, monkeypatch, settings, expected):
    counts = []
    monkeypatch.setattr(session, "SNAPSHOT_SAMPLES", 10)
    monkeypatch.setattr(session, "FINALIZE_SAMPLES", 20)
    monkeypatch.setattr(data.SampleData, "spread", lambda self, count, fabric: counts.append(count))
    train(tiny(**settings), tmp_path / "run")
    assert counts == expected


def test_long_work_says_how_far_it_is(settling, train, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(data, "SECONDS_BETWEEN_LINES", 0.0)
    with caplog.at_level("INFO", "commonfate.training.data"):
        train(settling(snapshots=1).method, tmp_path / "run")
    assert "finalizing: batch 2 of 2" in caplog.text
