"""Training by several processes (DDP, here on the CPU): each step as one process would take it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from commonfate.training import checkpoint
from helpers import stopped

pytestmark = pytest.mark.slow

# Lightning starts the other processes by running this file again.
SCRIPT = "from commonfate.cli import main\nif __name__ == '__main__':\n    main()\n"
# The same, with a method that settles something.
SETTLING = """
import torch
from commonfate.methods.gwm.method import UNetMethod
build = UNetMethod.build
def build_with_buffer(self, pretrained=True):
    network = build(self, pretrained)
    network.register_buffer("settled", torch.zeros((), dtype=torch.int64))
    return network
def finalize(self, model, batches):
    model.settled.fill_(1000 * sum(float(model(batch["image"]).std()) for batch in batches))
UNetMethod.build, UNetMethod.finalize = build_with_buffer, finalize
"""
SETTINGS = ["width=4", "image_size=[16, 32]", "flow_size=[16, 32]", "iterations=30"]
SETTINGS += ["batch_size=4", "warmup_iterations=3", "flip=true"]
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]


@pytest.fixture
def start(index_path, tmp_path):
    def run(
        folder: Path,
        devices: int,
        before: str = "",
        launcher: Sequence[str] = (),
        pairs: Sequence[str] = (),
        **variables: str,
    ) -> subprocess.Popen:
        (tmp_path / "verb.py").write_text(before + SCRIPT)
        command = [sys.executable, *launcher, tmp_path / "verb.py", "train"]
        command += ["--method=gwm", f"--output={folder}", "--device=cpu", f"--devices={devices}"]
        command += [f"--index={index_path}", f"--threads={devices}"]
        command += ["--checkpoint-every=5", "--log-every=1"]
        command += [f"--set={pair}" for pair in (*SETTINGS, *pairs)]
        return subprocess.Popen(
            command,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, **variables},
        )

    return run


def finish(process):
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors


def metrics(folder):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{key: line[key] for key in line if key != "seconds"} for line in lines]


def test_the_batch_is_shared_and_the_loss_is_that_of_one_process(start, tmp_path):
    finish(start(tmp_path / "one", 1))
    finish(start(tmp_path / "two", 2))
    item, two = (metrics(tmp_path / name) for name in ("one", "two"))
    assert len(item) == len(two) == 30
    for key in ("loss", "gradient_norm"):
        # Batch norm sees two samples instead of four: not equal, but a wrong share is far off.
        assert two[0][key] == pytest.approx(item[0][key], rel=0.05)


def test_stopped_by_a_signal_all_processes_save_the_same_step(start, tmp_path):
    finish(start(tmp_path / "unbroken", 2))
    process = start(tmp_path / "broken", 2, stopped.WAITING)
    errors = stopped.after_a_checkpoint(process, tmp_path / "broken", signal.SIGTERM, 0)
    assert process.returncode == 1
    assert "of 30; the same command goes on from there" in errors
    assert len(checkpoint.load(tmp_path / "broken/.resume.pt")["random"]) == 2
    finish(start(tmp_path / "broken", 2))
    weights = [
        checkpoint.load(tmp_path / name / "checkpoint.pt")["model"]
        for name in ("unbroken", "broken")
    ]
    for name, weight in weights[0].items():
        assert torch.equal(weight, weights[1][name]), name
    assert metrics(tmp_path / "unbroken") == metrics(tmp_path / "broken")


def test_what_is_settled_is_in_the_checkpoint_and_training_is_the_same(start, tmp_path):
    finish(start(tmp_path / "without", 2))
    finish(start(tmp_path / "with", 2, SETTLING))
    files = ("checkpoint.pt", "snapshots/000030.pt", "snapshots/000003.pt")
    result = [checkpoint.load(tmp_path / "with" / name)["model"] for name in files]
    final, last, first = (int(weights["settled"]) for weights in result)
    assert final == last
    assert len({0, first, final}) == 3
    expected = checkpoint.load(tmp_path / "without/checkpoint.pt")["model"]
    assert all(torch.equal(result[0][name], weight) for name, weight in expected.items())


def shared_by(folder):
    """How many processes had a part in a training, and the CPU threads of each."""
    state = checkpoint.load(folder / "checkpoint.pt")
    return len(state["random"]), state["provenance"]["threads"]


def test_one_task_of_slurm_trains_on_all_its_devices(start, tmp_path):
    """Snakemake's executor runs a job as one task: SLURM_NTASKS is 1."""
    one_task = {"SLURM_NTASKS": "1", "SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NODEID": "0"}
    finish(start(tmp_path / "run", 2, pairs=["iterations=3"], **one_task))
    assert shared_by(tmp_path / "run") == (2, 1)
    first, second = checkpoint.load(tmp_path / "run/checkpoint.pt")["random"]
    assert not torch.equal(first["torch"], second["torch"])  # of dropout


def test_torchrun_starts_the_processes_or_is_refused(start, tmp_path):
    finish(start(tmp_path / "run", 2, pairs=["iterations=3"], launcher=TORCHRUN))
    assert shared_by(tmp_path / "run") == (2, 1)
    alone = start(tmp_path / "alone", 1, pairs=["iterations=3"], launcher=TORCHRUN)
    _, errors = alone.communicate(timeout=60)
    assert alone.returncode != 0
    assert "torchrun started 2 processes" in errors
    assert not (tmp_path / "alone/checkpoint.pt").exists()


# A sample that one of the processes cannot read.
BROKEN = """
import os
from commonfate.base.errors import UserError
from commonfate.methods.gwm.method import UNetMethod
prepare = UNetMethod.prepare
def prepare_or_not(self, example):
    if os.environ.get("LOCAL_RANK") == os.environ["BROKEN_FOR"]:
        raise UserError("this sample is broken")
    return prepare(self, example)
UNetMethod.prepare = prepare_or_not
"""


@pytest.mark.parametrize("rank", ["0", "1"])
def test_a_sample_that_one_process_cannot_read_ends_all_of_them(start, tmp_path, rank):
    process = start(tmp_path / "run", 2, BROKEN, BROKEN_FOR=rank)
    try:
        _, errors = process.communicate(timeout=120)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode != 0
    assert "this sample is broken" in errors
    assert "Traceback" not in errors
