"""Trainings in processes of their own that stand still after a checkpoint, to be stopped there."""

import os
import subprocess
import time
from pathlib import Path

WAITING = """
import time
from commonfate.training import checkpoint
save = checkpoint.save
def save_and_wait(path, state):
    save(path, state)
    checkpoint.save = save
    time.sleep(2)
checkpoint.save = save_and_wait
"""
"""Program text before that of a training: it stands still once, after its first checkpoint."""


def after_a_checkpoint(process: subprocess.Popen, folder: Path, number: int, saved: int) -> str:
    """Send a signal to a training and its workers once it has saved a state.

    Args:
        process: of a program that begins with `WAITING`, in a session of its own, with its stderr
            as text.
        folder: of the run.
        number: of the signal.
        saved: `saved_at` of the folder before the process was started.

    Returns:
        What it wrote to stderr.
    """
    deadline = time.monotonic() + 120
    while saved_at(folder) == saved:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.005)
    os.killpg(process.pid, number)
    _, errors = process.communicate(timeout=60)
    assert not (folder / "checkpoint.pt").exists(), "the training was over before the signal"
    return errors


def saved_at(folder: Path) -> int:
    """Time of the last saved state of a run, nanoseconds; 0: none."""
    state = folder / ".resume.pt"
    return state.stat().st_mtime_ns if state.exists() else 0
