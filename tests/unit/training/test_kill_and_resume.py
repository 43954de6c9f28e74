"""A training that is really killed, and what it is after the same command was run again."""

import json
import signal
import subprocess
import sys

import torch

from commonfate.training import checkpoint
from helpers import stopped

SCRIPT = "from commonfate.cli import main\nmain()\n"
SETTINGS = {
    "width": 4,
    "image_size": [16, 32],
    "flow_size": [16, 32],
    "iterations": 60,
    "warmup_iterations": 4,
    "batch_size": 2,
    "snapshots": 4,
    "flip": "true",
}


def start(index_path, folder, *options, before=""):
    pairs = [word for key, value in SETTINGS.items() for word in ("--set", f"{key}={value}")]
    where = (f"--index={index_path}", f"--output={folder}")
    often = ("--checkpoint-every=3", "--log-every=2")
    command = [sys.executable, "-c", before + SCRIPT, "train"]
    return subprocess.Popen(
        [*command, *where, "--method=gwm", *pairs, "--device=cpu", "--threads=1", *often, *options],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finish(process):
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    return errors


def stop_after_a_checkpoint(index_path, folder, number, *options):
    """Train, and send a signal to the process and its workers once it has saved a state."""
    saved = stopped.saved_at(folder)
    process = start(index_path, folder, *options, before=stopped.WAITING)
    errors = stopped.after_a_checkpoint(process, folder, number, saved)
    return process.returncode, checkpoint.load(folder / ".resume.pt")["iteration"], errors


def assert_same_training(item, other):
    first, second = (checkpoint.load(folder / "checkpoint.pt")["model"] for folder in (item, other))
    assert first.keys() == second.keys()
    for name, weight in first.items():
        assert torch.equal(weight, second[name]), name
    assert metrics(item) == metrics(other)
    names = sorted(file.name for file in (item / "snapshots").iterdir())
    assert names == ["000015.pt", "000030.pt", "000045.pt", "000060.pt"]
    for name in names:
        snapshots = [checkpoint.load(folder / "snapshots" / name) for folder in (item, other)]
        for key, weight in snapshots[0]["model"].items():
            assert torch.equal(weight, snapshots[1]["model"][key]), (name, key)


def metrics(folder):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{key: line[key] for key in line if key != "seconds"} for line in lines]


def test_killed_then_stopped_by_slurm_it_ends_as_if_unbroken(index_path, tmp_path):
    unbroken, folder = tmp_path / "unbroken", tmp_path / "broken"
    finish(start(index_path, unbroken))

    _, killed_at, _ = stop_after_a_checkpoint(index_path, folder, signal.SIGKILL)

    code, stopped_at, errors = stop_after_a_checkpoint(
        index_path, folder, signal.SIGTERM, "--workers=1"
    )
    assert f"going on from iteration {killed_at} of 60" in errors
    assert code == 1
    assert errors.strip().splitlines()[-1] == (
        f"{folder}: stopped by SIGTERM after iteration {stopped_at} of 60; "
        "the same command goes on from there"
    )
    assert "Traceback" not in errors

    assert f"going on from iteration {stopped_at} of 60" in finish(start(index_path, folder))
    assert_same_training(unbroken, folder)
