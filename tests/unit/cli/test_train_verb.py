"""`commonfate train`: what it is told, and what its provenance says, without any training."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from click.testing import CliRunner

from commonfate.base.errors import ConfigError
from commonfate.base.files import sha256
from commonfate.cli import train


@pytest.fixture
def called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Call the verb for fine-tuning; what it hands to the training loop, without any training."""
    handed: dict[str, Any] = {}

    def loop(method, index, output, seed, fabric, options, provenance, beside) -> None:
        handed.update(settings=method.settings, provenance=provenance, seed=seed)

    alone = SimpleNamespace(device=torch.device("cpu"), world_size=1)
    monkeypatch.setattr("commonfate.training.launch.launch", lambda *options: alone)
    monkeypatch.setattr("commonfate.training.loop.train", loop)
    monkeypatch.setattr("commonfate.samples.index.read", lambda path: None)
    index = tmp_path / "index.parquet"
    index.write_bytes(b"samples")

    def call(*words: str) -> dict[str, Any]:
        options = ["--index", str(index), "--method", "semantic", "--output", str(tmp_path / "run")]
        small = ["--set", "size=small", "--device", "cpu"]
        CliRunner().invoke(train.command, [*options, *small, *words], catch_exceptions=False)
        return handed

    return call


def test_weights_that_training_starts_from_are_an_input(called, tmp_path: Path) -> None:
    start = tmp_path / "checkpoint.pt"
    start.write_bytes(b"weights")
    inputs = called("--set", f"start={start}")["provenance"]["inputs"]
    index = tmp_path / "index.parquet"
    assert inputs == {str(index): sha256(index), str(start): sha256(start)}


def test_without_them_the_samples_are_the_only_input(called, tmp_path: Path) -> None:
    handed = called("--seed", "3")
    assert list(handed["provenance"]["inputs"]) == [str(tmp_path / "index.parquet")]
    assert (handed["seed"], handed["settings"].start) == (3, None)


def test_weights_that_are_not_there(called, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        called("--set", f"start={tmp_path}/no.pt")
    assert str(error.value) == (
        f"--set start={tmp_path}/no.pt: no such file; name the checkpoint.pt of a run"
    )


def test_a_small_network_claims_no_weights(called) -> None:
    handed = called("--method", "gwm_maskformer")
    assert handed["settings"].pretraining == "none"
    assert handed["provenance"]["settings"]["pretraining"] == "none"
