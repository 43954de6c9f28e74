"""Python scripts in several processes that share a batch."""

import os
import subprocess
import sys

import pytest
import torch

START = """
import sys
import torch
from torch import distributed

world, rank, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
if world > 1:
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=world
    )
"""
END = """
torch.save(result, f"{folder}/{world}-{rank}.pt")
"""


@pytest.fixture
def processes(tmp_path):
    """Run a script that sets `result` in each process: `processes(world, script)`."""

    def run(world, script):
        path = tmp_path / "script.py"
        path.write_text(START + script + END)
        running = [
            subprocess.Popen(
                [sys.executable, str(path), str(world), str(rank), str(tmp_path)],
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )
            for rank in range(world)
        ]
        assert [process.wait(timeout=120) for process in running] == [0] * world
        return [torch.load(tmp_path / f"{world}-{rank}.pt") for rank in range(world)]

    return run
