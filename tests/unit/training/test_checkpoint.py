"""Checkpoint files: what goes in comes out, and another network's weights are refused."""

import pytest
import torch
from torch import nn

from commonfate.base.errors import StoreError
from commonfate.training import checkpoint


def state_of(model):
    return {
        "model": model.state_dict(),
        "optimiser": {},
        "settings": {"size": [1, 2], "name": None},
        "seed": 3,
        "iteration": 7,
    }


def test_weights_come_back_and_the_facts_with_them(tmp_path):
    source, target = nn.Linear(3, 2), nn.Linear(3, 2)
    checkpoint.save(tmp_path / "c.pt", state_of(source))
    metadata = checkpoint.load_weights(tmp_path / "c.pt", target)
    assert metadata == {"settings": {"size": [1, 2], "name": None}, "seed": 3, "iteration": 7}
    assert torch.equal(source.weight, target.weight)


def test_a_failed_write_leaves_the_checkpoint_before(tmp_path):
    path = tmp_path / "c.pt"
    checkpoint.save(path, state_of(nn.Linear(3, 2)))
    before = path.read_bytes()
    with pytest.raises(AttributeError):  # a local function cannot be pickled
        checkpoint.save(path, {"model": lambda: None})
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["c.pt"]


def test_another_networks_weights_are_refused_by_name(tmp_path):
    checkpoint.save(tmp_path / "c.pt", state_of(nn.Linear(3, 2)))
    with pytest.raises(StoreError, match=r"c\.pt: does not fit the network \(size mismatch for"):
        checkpoint.load_weights(tmp_path / "c.pt", nn.Linear(4, 2))


def test_a_file_of_the_needed_weights_leaves_the_others(tmp_path):
    source, target = nn.Linear(3, 2), nn.Linear(3, 2)
    state = state_of(source)
    state["model"] = {"weight": source.weight.detach().clone()}
    checkpoint.save(tmp_path / "c.pt", state)
    before = target.bias.detach().clone()
    checkpoint.load_weights(tmp_path / "c.pt", target, {"weight"})
    assert torch.equal(target.weight, source.weight)
    assert torch.equal(target.bias, before)
    for needed in ({"weight", "bias"}, None):
        with pytest.raises(StoreError, match="does not fit the network"):
            checkpoint.load_weights(tmp_path / "c.pt", target, needed)


def test_files_that_would_run_code_are_not_loaded(tmp_path):
    torch.save({"model": nn.Linear(1, 1), "settings": {}, "iteration": 0}, tmp_path / "c.pt")
    with pytest.raises(StoreError, match=r"c\.pt: is a checkpoint that holds a torch\.nn.*Linear"):
        checkpoint.load(tmp_path / "c.pt")
