"""Benchmarks still run; what they measure is in benchmarks/README.md, and no test's business."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    ["gwm_loss.py --batch 1", "gwm_step.py --small", "amd_step.py --small"],
)
def test_a_benchmark_ends_in_a_table(command: str) -> None:
    """Each compares its two ways, too, and fails where they do not compute the same."""
    script, *options = command.split()
    done = subprocess.run(
        [sys.executable, f"benchmarks/{script}", *options], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "\n| commonfate " in done.stdout or "\n| paper | probabilities |" in done.stdout


def test_the_script_for_gpus_names_its_parts(tmp_path: Path) -> None:
    done = subprocess.run(
        ["bash", "benchmarks/gpu.sh", tmp_path],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "PARTS": "test"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stdout.splitlines()[-1] == (
        "PARTS: test is unknown; known: tests steps flow trainings"
    )
