"""The Slurm profile, for real, on a one-machine cluster with a pretend GPU."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

LAB = Path(__file__).with_name("slurm_lab.sh")
ROOT = Path(__file__).parents[2]


@pytest.fixture
def lab() -> Iterator[Path]:
    """A folder with a short path, as a Unix socket's must be, open to all, as munged asks."""
    with tempfile.TemporaryDirectory(prefix="slurm") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def slurm(lab: Path) -> Iterator[dict[str, str]]:
    """Environment of a running one-machine Slurm."""
    if not all(map(shutil.which, ("slurmctld", "slurmd", "munged", "sbatch"))):
        pytest.skip("no Slurm here; on Debian: apt-get install slurmctld slurmd slurm-client munge")
    # The daemons inherit the output: a pipe would never close.
    quiet = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([LAB, "start", lab], timeout=60, **quiet)
    try:
        path = f"{lab}/bin{os.pathsep}{os.environ['PATH']}"
        yield {"SLURM_CONF": f"{lab}/slurm.conf", "PATH": path}
    finally:
        subprocess.run([LAB, "stop", lab], timeout=60, **quiet)


@pytest.mark.slow
def test_the_smoke_scale_runs_through_slurm(workflow_in, slurm, lab: Path, tmp_path: Path) -> None:
    """A GPU request in the wrong partition is refused by Slurm, so wrong routing fails here."""
    folder = tmp_path / "run"
    folder.mkdir()
    profile = ["--workflow-profile", str(ROOT / "profiles/slurm")]
    # One small machine: less memory than the rules ask for, and quick polls.
    small = ["--default-resources", "slurm_partition=cpu", "mem_mb=500", "runtime=5"]
    rules = ("sprites", "frames", "flow", "samples", "train", "predict", "evaluate")
    small += ["--set-resources", *(f"{rule}:mem_mb=1500" for rule in rules)]
    small += [f"{rule}:slurm_partition=gpu" for rule in ("flow", "train", "predict")]
    quick = ["--slurm-init-seconds-before-status-checks", "2", "--latency-wait", "10"]
    workflow = workflow_in(folder)
    output = workflow.run(*profile, *small, *quick, "--jobs", "4", environment=slurm)
    assert (workflow.results / "tables/table1.csv").is_file(), output
    finished = (lab / "jobcomp.txt").read_text().splitlines()
    partitions = {line.partition("Partition=")[2].split()[0] for line in finished}
    assert partitions == {"cpu", "gpu"}
    assert all("JobState=COMPLETED" in line for line in finished)
