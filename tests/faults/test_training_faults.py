"""Training on what is broken: one line that names the file or the samples, and no lost work."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from click.testing import CliRunner

from commonfate.base import parquet
from commonfate.base.errors import StoreError, UserError
from commonfate.cli import commonfate
from commonfate.methods.gwm.method import GuessWhatMoves
from commonfate.samples import index
from commonfate.storage.flow import open_writer
from commonfate.storage.flow_info import sources
from commonfate.storage.frames import FrameWriter
from commonfate.training import checkpoint

SIZE = (16, 32)
SMALL = ("width=4", "image_size=[16, 32]", "flow_size=[16, 32]", "batch_size=2", "iterations=4")


@pytest.fixture
def index_path(tmp_path) -> Path:
    """Four frames with flow of gap 1."""
    frames, flow = tmp_path / "frames.zarr.zip", tmp_path / "flow.zarr.zip"
    images = np.random.default_rng(0).integers(0, 256, (4, *SIZE, 3), np.uint8)
    with FrameWriter(frames) as writer:
        writer.add_video("cat", images, [0.0, 1.0, 2.0, 3.0], 1.0)
    with open_writer(flow, provenance={}, key="") as writer:
        pairs = ((t, np.full((2, *SIZE), t, np.float32)) for t in sources(4, 1))
        writer.add("cat", 1, 4, SIZE, pairs)
    rows = [("toy", "cat", t, [1], str(frames), str(flow), 0, "", "", "flow") for t in range(3)]
    path = tmp_path / "index.parquet"
    parquet.write(path, pd.DataFrame(rows, columns=list(index.COLUMNS)), {"inputs": {}})
    return path


def train(index_path, folder, *options, settings=SMALL):
    """Run the verb; a UserError comes through, as `commonfate` would print it."""
    pairs = [f"--set={pair}" for pair in settings]
    arguments = [f"--index={index_path}", "--method=gwm", *pairs, f"--output={folder}"]
    result = CliRunner().invoke(
        commonfate, ["train", *arguments, "--device=cpu", *options], standalone_mode=False
    )
    if result.exception:
        raise result.exception


def damage(path, offset):
    """Flip the bits of one byte."""
    content = bytearray(path.read_bytes())
    content[offset] ^= 0xFF
    path.write_bytes(content)


def saved(path):
    """Save a layer; return it."""
    torch.manual_seed(0)
    model = torch.nn.Linear(50, 50)
    checkpoint.save(path, {"model": model.state_dict(), "settings": {}, "iteration": 1})
    return model


def test_a_flipped_byte_anywhere_is_noticed_or_harmless(tmp_path):
    path = tmp_path / "000005.pt"
    weight = saved(path).weight.detach().clone()
    whole = path.read_bytes()
    seen = 0
    for offset in range(0, len(whole), 61):
        path.write_bytes(whole)
        damage(path, offset)
        try:
            assert torch.equal(checkpoint.load(path)["model"]["weight"], weight), offset
        except StoreError as error:
            assert str(error).startswith(f"{path}: is "), offset
            assert "\n" not in str(error)
            seen += 1
    assert seen > 100


def test_every_byte_of_the_weights_is_checked(tmp_path):
    model = saved(tmp_path / "c.pt")
    content = (tmp_path / "c.pt").read_bytes()
    place = content.index(model.weight.detach().numpy().tobytes())
    damage(tmp_path / "c.pt", place + 17)
    with pytest.raises(StoreError, match=r"c\.pt: is damaged \(checksum of .*data/0\)"):
        checkpoint.load_weights(tmp_path / "c.pt", model)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "an empty file"),
        (b"weights", "no file that torch.save"),
        (b"PK\x03\x04", "damaged"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
    ],
)
def test_a_file_that_is_no_checkpoint(tmp_path, content, what):
    (tmp_path / "checkpoint.pt").write_bytes(content)
    with pytest.raises(StoreError, match=rf"checkpoint\.pt: is {what}.*; delete it, train again"):
        checkpoint.load(tmp_path / "checkpoint.pt")


def test_a_truncated_checkpoint(tmp_path):
    model = saved(tmp_path / "checkpoint.pt")
    content = (tmp_path / "checkpoint.pt").read_bytes()
    (tmp_path / "checkpoint.pt").write_bytes(content[: len(content) // 2])
    with pytest.raises(StoreError, match=r"checkpoint\.pt: is damaged"):
        checkpoint.load_weights(tmp_path / "checkpoint.pt", model)


def test_a_checkpoint_that_is_not_there(tmp_path):
    with pytest.raises(StoreError, match=r"checkpoint\.pt: no such checkpoint; train first"):
        checkpoint.load(tmp_path / "checkpoint.pt")


def test_a_torch_file_of_someone_else(tmp_path):
    torch.save({"state_dict": {}}, tmp_path / "raft.pt")
    with pytest.raises(StoreError, match=r"raft\.pt: is not a checkpoint written by `commonfate"):
        checkpoint.load(tmp_path / "raft.pt")


def test_a_damaged_state_is_named_and_not_trained_over(index_path, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / ".resume.pt").write_bytes(b"half a checkpoint")
    with pytest.raises(StoreError, match=r"run/\.resume\.pt: is no file that .*; delete it"):
        train(index_path, folder)


def test_a_loss_that_is_not_finite(index_path, tmp_path, monkeypatch):
    folder = tmp_path / "run"
    steps, loss = [], GuessWhatMoves.loss

    def poisoned(self, model, batch, iteration):
        steps.append(1)
        terms = loss(self, model, batch, iteration)
        return {**terms, "loss": terms["loss"] * float("nan")} if len(steps) == 3 else terms

    monkeypatch.setattr(GuessWhatMoves, "loss", poisoned)
    with pytest.raises(UserError) as error:
        train(index_path, folder, "--checkpoint-every=1")
    message = str(error.value)
    assert message.startswith(f"{folder}: iteration 3 is not finite (loss nan, residual ")
    assert "toy/cat frame" in message
    assert "lower learning_rate" in message
    assert "\n" not in message
    state = checkpoint.load(folder / ".resume.pt")
    assert state["iteration"] == 2
    assert all(weight.isfinite().all() for weight in state["model"].values())
    assert not (folder / "checkpoint.pt").exists()


def test_a_training_that_can_learn_no_more(index_path, tmp_path, monkeypatch):
    folder, steps = tmp_path / "run", []

    def check_losses(self, terms):
        steps.append(terms["loss"])
        return "flow has left the image; lower learning_rate" if len(steps) == 3 else None

    monkeypatch.setattr(GuessWhatMoves, "check_losses", check_losses)
    with pytest.raises(UserError) as error:
        train(index_path, folder, "--checkpoint-every=1")
    assert str(error.value) == (
        f"{folder}: iteration 3: flow has left the image; lower learning_rate; stopped before the "
        "optimiser step, the last checkpoint is kept"
    )
    assert checkpoint.load(folder / ".resume.pt")["iteration"] == 2


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("store", ["flow.zarr.zip", "frames.zarr.zip"])
def test_a_store_that_vanished(index_path, tmp_path, store, workers):
    (tmp_path / store).unlink()
    with pytest.raises(StoreError, match=rf"^\S*{store}: no such") as error:
        train(index_path, tmp_path / "run", f"--workers={workers}")
    assert "\n" not in str(error.value)


def test_a_store_with_a_flipped_byte(index_path, tmp_path):
    damage(tmp_path / "flow.zarr.zip", (tmp_path / "flow.zarr.zip").stat().st_size // 2)
    with pytest.raises(StoreError, match=r"flow\.zarr\.zip"):
        train(index_path, tmp_path / "run")


def test_an_index_that_is_not_parquet(index_path, tmp_path):
    index_path.write_text("video,t\n")
    with pytest.raises(StoreError, match=r"index\.parquet: cannot be read as Parquet"):
        train(index_path, tmp_path / "run")


def test_a_batch_that_cannot_be_shared_out(index_path, tmp_path):
    with pytest.raises(UserError, match="batch_size = 2 cannot be shared out evenly to 3"):
        train(index_path, tmp_path / "run", "--devices=3")


def test_16_bits_on_the_cpu(index_path, tmp_path):
    with pytest.raises(UserError, match=r"'16-mixed' needs a GPU; .* precision=bf16-mixed"):
        train(index_path, tmp_path / "run", settings=(*SMALL, "precision=16-mixed"))


def test_an_unknown_hyper_parameter(index_path, tmp_path):
    with pytest.raises(UserError, match=r"--set: iteration is unknown; did you mean iterations\?"):
        train(index_path, tmp_path / "run", settings=("iteration=4",))
