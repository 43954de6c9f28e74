"""State dicts however people keep them, and files that hold something else."""

import argparse

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from commonfate.base.errors import StoreError
from commonfate.weights import state_dict

STATE = {"weight": torch.ones(2), "bias": torch.zeros(1)}
PARALLEL = {f"module.{key}": value for key, value in STATE.items()}


@pytest.mark.parametrize(
    "checkpoint",
    [
        STATE,
        PARALLEL,
        {"state_dict": STATE, "epoch": 3},
        {"model": PARALLEL},
        {"model": {"state_dict": PARALLEL}, "optimizer": {"state": {}}},
        {"model_state_dict": STATE},
        {"network": STATE},
    ],
    ids=["plain", "parallel", "state_dict", "model", "nested", "model_state_dict", "network"],
)
@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before torch 1.6"])
def test_a_state_dict_is_found(tmp_path, checkpoint, zipped):
    torch.save(checkpoint, tmp_path / "a.pth", _use_new_zipfile_serialization=zipped)
    state, whole = state_dict.read(tmp_path / "a.pth")
    assert state.keys() == STATE.keys() and whole.keys() == checkpoint.keys()
    assert all(torch.equal(state[key], value) for key, value in STATE.items())


def test_safetensors(tmp_path):
    save_file(PARALLEL, tmp_path / "a.safetensors")
    state, _ = state_dict.read(tmp_path / "a.safetensors")
    assert state.keys() == STATE.keys()


def saved(content):
    return lambda path: torch.save(content, path)


def damaged(path):
    torch.save(STATE, path)
    content = bytearray(path.read_bytes())
    content[content.index(STATE["weight"].numpy().tobytes())] ^= 1
    path.write_bytes(content)


def cut(path):
    torch.save(STATE, path)
    path.write_bytes(path.read_bytes()[:600])


BROKEN = {
    "numpy": (saved({**STATE, "best": np.float64(3)}), "numpy._core.multiarray.scalar", "trust it"),
    "namespace": (saved({"model": STATE, "args": argparse.Namespace()}), "argparse.Namespace", ""),
    "module": (saved(torch.nn.Linear(1, 1)), "torch.nn.modules.linear.Linear", "state_dict alone"),
    "page": (
        lambda path: path.write_text("\ufeff<!DOCTYPE html><title>Log in</title>"),
        "is an HTML page",
        "fetch the file itself",
    ),
    "pointer": (
        lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0"),
        "is a Git LFS pointer",
        "git lfs pull",
    ),
    "empty": (lambda path: path.touch(), "is an empty file", "fetch it again"),
    "text": (lambda path: path.write_text("hello world"), "is no file that torch.save", ""),
    "damaged": (damaged, "is damaged (checksum of", "fetch it again"),
    "cut": (cut, "is damaged (", "fetch it again"),
    "folder": (lambda path: path.mkdir(), "cannot be read (Is a directory)", "permissions"),
    "missing": (lambda path: None, "cannot be read (No such file", "check its name"),
    "list": (saved([1, 2]), "no state dict of tensors by name, but a list", ""),
    "numbers": (saved({"epoch": 3, "loss": 0.5}), "but a dict with the keys epoch, loss", ""),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_a_file_is_instead(tmp_path, name):
    spoil, subject, do = BROKEN[name]
    path = tmp_path / "a.pth"
    spoil(path)
    with pytest.raises(StoreError) as raised:
        state_dict.read(path)
    message = str(raised.value)
    assert message.startswith(f"{path}: ") and subject in message
    assert do in message.partition("; ")[2]
    assert "\n" not in message and "weights_only" not in message and "PyTorch" not in message


def test_files_that_are_no_whole_safetensors(tmp_path):
    path = tmp_path / "a.safetensors"
    save_file(STATE, path)
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(StoreError, match=r"a\.safetensors: is no whole file of safetensors \("):
        state_dict.read(path)
    torch.save(STATE, path)
    with pytest.raises(StoreError, match=r"a\.safetensors: is no whole file of safetensors \("):
        state_dict.metadata(path)


@pytest.mark.parametrize("name", ["page", "pointer", "empty", "missing"])
def test_what_a_file_is_instead_of_safetensors(tmp_path, name):
    spoil, subject, _ = BROKEN[name]
    path = tmp_path / "a.safetensors"
    spoil(path)
    with pytest.raises(StoreError) as raised:
        state_dict.read(path)
    assert str(raised.value).startswith(f"{path}: ") and subject.partition("(")[0] in str(
        raised.value
    )
