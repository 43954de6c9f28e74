"""Ctrl-C, as a terminal sends it: to a verb and to the processes that it started."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from commonfate.datasets.settings import SpritesConfig
from commonfate.datasets.sprites import produce

RUN = "from commonfate.cli import main\nif __name__ == '__main__':\n    main()\n"


def interrupt(
    folder: Path, arguments: Iterable[object], begun: str, processes: int = 1
) -> tuple[int, str]:
    """Start a verb, send SIGINT to all of its processes when all have begun; code, last words.

    A process that is interrupted while Python starts prints a traceback of Python's own.
    """
    script = folder / "verb.py"  # spawned processes import it, so it must not be `-c`
    script.write_text(RUN)
    process = subprocess.Popen(
        [sys.executable, script, *map(str, arguments)],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    until = time.monotonic() + 120
    while len(list(folder.glob(begun))) < processes:
        assert process.poll() is None and time.monotonic() < until, f"no {begun} came"
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    message = process.communicate(timeout=60)[1]
    lines = message.splitlines()
    return process.returncode, "\n".join(line for line in lines if line[2:3] != ":")


@pytest.mark.parametrize("jobs", [1, 2])
def test_rendering(tmp_path, jobs):
    call = ["sprites", "--set=videos=500", "--set=frames=24", "--jobs", jobs]
    call += ["--output", tmp_path / "sprites"]
    assert interrupt(tmp_path, call, ".sprites.*.tmp/videos/*.mp4") == (130, "")
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]


@pytest.mark.parametrize("devices", ["cpu", "cpu,cpu"])
def test_flow(tmp_path, devices):
    config = SpritesConfig(videos=2, frames=60, size=(128, 160))
    produce.produce(config, tmp_path / "sprites")
    videos = sorted((tmp_path / "sprites" / "videos").glob("*.mp4"))
    call = ["flow", *videos, "--source", "raft_small.sprites", "--devices", devices]
    call += ["--output", tmp_path / "flow"]
    begun = "flow/.flow.zarr.zip.partial/parts/*/1.pairs"
    assert interrupt(tmp_path, call, begun, devices.count("cpu")) == (130, "")
    assert not (tmp_path / "flow" / "flow.zarr.zip").exists()
