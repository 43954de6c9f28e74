"""Weights of flow networks: where they come from, and loading them strictly."""

import hashlib

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from commonfate.base.errors import StoreError, UserError
from commonfate.flow.estimators import weights
from commonfate.weights import assets, state_dict

THINGS = {"things": "https://127.0.0.1:9/raft_small-things-b7d9f997.ckpt"}


@pytest.fixture
def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))


@pytest.fixture
def other() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))


@pytest.fixture
def shipped(tmp_path, monkeypatch, model):
    """A package that ships weights of `tiny`."""
    folder = tmp_path / "package" / "bundled"
    folder.mkdir(parents=True)
    half = {k: v.half() if v.is_floating_point() else v for k, v in model.state_dict().items()}
    save_file(half, folder / "tiny.sprites.safetensors", {"network": "tiny", "seed": "0"})
    monkeypatch.setattr(assets.resources, "files", lambda _: folder.parent)
    return folder


def equal(item: nn.Module, two: nn.Module) -> bool:
    states = item.state_dict(), two.state_dict()
    return all(torch.equal(value, states[1][key]) for key, value in states[0].items())


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("wrapped", [True, False])
@pytest.mark.parametrize("legacy", [True, False])
def test_files_are_loaded_as_ptlflow_and_as_authors_save_them(
    tmp_path, model, other, prefix, wrapped, legacy
):
    state = {prefix + key: value for key, value in model.state_dict().items()}
    path = tmp_path / "mine.tar"
    checkpoint = {"epoch": 3, "state_dict": state} if wrapped else state
    torch.save(checkpoint, path, _use_new_zipfile_serialization=not legacy)
    assert weights.load(other, path) == hashlib.sha256(path.read_bytes()).hexdigest()
    assert equal(other, model)


def test_half_precision_takes_the_models_type(shipped, model, other):
    path = weights.locate("tiny", "sprites", {})
    assert path == shipped / "tiny.sprites.safetensors"
    assert weights.load(other, path) == hashlib.sha256(path.read_bytes()).hexdigest()
    assert {p.dtype for p in other.parameters()} == {torch.float32}
    assert torch.equal(other[0].weight, model[0].weight.half().float())
    assert other[1].num_batches_tracked.dtype == torch.int64
    assert state_dict.metadata(path) == {"network": "tiny", "seed": "0"}


def test_parameters_that_ptlflow_adds_are_made_before_loading(tmp_path, model):
    def add(name, value):
        model.register_buffer(name, value)

    model.add_extra_param = add
    state = {**model.state_dict(), "scale": torch.tensor(2.0)}
    hyper = {"extra_params": {"scale": torch.tensor(1.0)}}
    torch.save({"state_dict": state, "hyper_parameters": hyper}, tmp_path / "a.ckpt")
    weights.load(model, tmp_path / "a.ckpt")
    assert model.scale == 2


@pytest.mark.parametrize("name", ["text.ckpt", "text.safetensors"])
def test_what_is_no_checkpoint_is_named(tmp_path, model, name):
    (tmp_path / name).write_text("not weights")
    with pytest.raises(
        StoreError, match=rf"{name}: is no (file that torch\.save|whole file of safetensors)"
    ):
        weights.load(model, tmp_path / name)


def test_code_in_a_checkpoint_is_not_run(tmp_path, model):
    class Evil:
        def __reduce__(self):
            return (print, ("run",))

    torch.save({"state_dict": Evil()}, tmp_path / "evil.ckpt")
    with pytest.raises(StoreError, match=r"evil\.ckpt: is a checkpoint that holds a .*print"):
        weights.load(model, tmp_path / "evil.ckpt")


def test_weights_of_another_network_are_refused_with_counts(tmp_path, model):
    state, path = model.state_dict(), tmp_path / "other.ckpt"
    renamed = {key: value for key, value in state.items() if key != "0.bias"}
    torch.save({**renamed, "alien": torch.zeros(1)}, path)
    with pytest.raises(
        UserError, match=r"other\.ckpt: .* 1 keys are missing, 1 unknown, .*0\.bias"
    ):
        weights.load(model, path)
    torch.save({**state, "0.bias": torch.zeros(1)}, path)
    with pytest.raises(UserError, match="0 keys are missing, 0 unknown, 1 of another shape"):
        weights.load(model, path)


def test_published_weights_are_fetched_by_name(tmp_path, monkeypatch):
    fetched = []
    monkeypatch.setattr(weights, "fetch", lambda asset, folder: fetched.append((asset, folder)))
    weights.locate("raft_small", "things", THINGS, tmp_path)
    weights.locate("arflow", "kitti15", {"kitti15": "https://host/without/a/hash.tar"})
    (things, folder), (kitti, default) = fetched
    assert (things.name, things.file) == ("raft_small.things", "raft_small-things-b7d9f997.ckpt")
    assert str(things.digest) == "sha256 b7d9f997... (weak)"
    assert (folder, default) == (tmp_path, None)
    assert kitti.name == "arflow.kitti15"
    assert str(kitti.digest) == "git-blob-sha1 3e3ae7eda830f11683cadcf661025cb4e8f765f7"


def test_a_file_is_used_where_it_lies(tmp_path):
    path = tmp_path / "mine.ckpt"
    path.touch()
    assert weights.locate("raft_small", str(path), THINGS) == path


def test_unknown_weights_get_a_suggestion(shipped):
    assert weights.names("tiny", {}) == ["sprites", "random"]
    assert weights.names("raft_small", THINGS) == ["things", "random"]
    expected = r"raft_small: weights 'thing' are neither a file nor known; did you mean things\?"
    with pytest.raises(UserError, match=expected):
        weights.locate("raft_small", "thing", THINGS)
    with pytest.raises(UserError, match="known: sprites, random"):
        weights.locate("tiny", "zzz", {})
    # What carries no hash cannot be verified, so it is not fetched.
    with pytest.raises(UserError, match="weights 'mine' are neither a file nor known"):
        weights.locate("raft_small", "mine", {"mine": "https://127.0.0.1:9/mine.ckpt"})
