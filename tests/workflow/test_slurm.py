"""The Slurm profile, for real, on a one-machine cluster with two pretend GPUs."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from commonfate.training import checkpoint

LAB = Path(__file__).with_name("slurm_lab.sh")
ROOT = Path(__file__).parents[2]
PROFILE = ["--workflow-profile", str(ROOT / "profiles/slurm")]
# Quick polls.
QUICK = ["--slurm-init-seconds-before-status-checks", "2", "--latency-wait", "10"]
SAMPLES = "results/smoke/samples/sprites-all-dis/index.parquet"
RUN = "results/smoke/runs/gwm-unet-quadratic-k4-dis-sprites-s0"
ITERATIONS = 400


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
    # One small machine: less memory than the rules ask for.
    small = ["--default-resources", "slurm_partition=cpu", "mem_mb=500", "runtime=5"]
    rules = ("sprites", "frames", "flow", "samples", "train", "predict", "evaluate")
    small += ["--set-resources", *(f"{rule}:mem_mb=1500" for rule in rules)]
    small += [f"{rule}:slurm_partition=gpu" for rule in ("flow", "train", "predict")]
    workflow = workflow_in(folder)
    output = workflow.run(*PROFILE, *small, *QUICK, "--jobs", "4", environment=slurm)
    assert (workflow.results / "tables/table1.csv").is_file(), output
    finished = (lab / "jobcomp.txt").read_text().splitlines()
    partitions = {line.partition("Partition=")[2].split()[0] for line in finished}
    assert partitions == {"cpu", "gpu"}
    assert all("JobState=COMPLETED" in line for line in finished)


@pytest.fixture
def sampled(workflow_in, tmp_path: Path):
    """The workflow up to the samples of a training."""
    folder = tmp_path / "run"
    folder.mkdir()
    workflow = workflow_in(folder)
    workflow.run(targets=[SAMPLES])
    return workflow


@pytest.mark.slow
def test_a_training_of_two_processes_is_cancelled_and_goes_on(sampled, slurm, lab: Path) -> None:
    small = ["--default-resources", "slurm_partition=cpu", "mem_mb=500", "runtime=5"]
    small += ["--set-resources", "train:mem_mb=4000", "train:slurm_partition=gpu"]
    small += [
        "--config",
        "train_devices={gwm: 2}",
        f"methods={{gwm: {{iterations: {ITERATIONS}}}}}",
    ]
    small += ["--set-threads", "train=2"]
    command, way = (
        [*PROFILE, *QUICK, *small],
        {"environment": slurm, "targets": [f"{RUN}/checkpoint.pt"]},
    )
    state, log = sampled.folder / RUN / ".resume.pt", sampled.folder / RUN / ".metrics.jsonl"

    process = sampled.start(*command, **way)
    while not (log.exists() and log.stat().st_size):
        assert process.poll() is None, process.communicate()
        time.sleep(0.2)
    assert not state.exists()
    subprocess.run(["scancel", "--user", str(os.getuid())], env={**os.environ, **slurm}, check=True)
    output, _ = process.communicate(timeout=300)
    assert process.returncode != 0, output
    saved = checkpoint.load(state)
    assert 0 < saved["iteration"] < ITERATIONS
    assert len(saved["random"]) == 2
    assert not (sampled.folder / RUN / "checkpoint.pt").exists()

    sampled.run(*command, **way)
    trained = checkpoint.load(sampled.folder / RUN / "checkpoint.pt")
    assert (trained["iteration"], len(trained["random"])) == (ITERATIONS, 2)
    earlier = trained["provenance"]["earlier"]
    assert [part["iteration"] for part in earlier] == [saved["iteration"]]
    assert trained["provenance"]["processes"] == 2
    ends = (lab / "jobcomp.txt").read_text()
    assert ends.count("JobState=CANCELLED") == ends.count("JobState=COMPLETED") == 1


def srun(slurm, folder: Path, options: list[str], *words: str) -> subprocess.CompletedProcess:
    """Train under srun, a few steps."""
    verb = [str(Path(sys.executable).with_name("commonfate")), "train", "--method=gwm"]
    pairs = ("width=4", "image_size=[32, 48]", "flow_size=[64, 96]", "iterations=5")
    pairs += ("batch_size=4", "warmup_iterations=2", "snapshots=1")
    verb += [f"--index={SAMPLES}", "--threads=1", *(f"--set={pair}" for pair in pairs), *words]
    # The pretend nodes have names that no other than Slurm knows.
    variables = {**os.environ, **slurm, "MASTER_ADDR": "127.0.0.1"}
    command = ["srun", "--time=5", "--mem=2000", *options, *verb]
    return subprocess.run(
        command, cwd=folder, env=variables, capture_output=True, text=True, check=False, timeout=240
    )


@pytest.mark.slow
def test_the_tasks_of_srun_train_together_or_are_refused(sampled, slurm) -> None:
    folder = sampled.folder
    layouts = {
        "tasks": (["--nodes=1", "--ntasks=2"], "--devices=2"),
        "nodes": (["--partition=both", "--nodes=2", "--ntasks-per-node=1"], "--nodes=2"),
    }
    for name, (options, word) in layouts.items():
        done = srun(slurm, folder, options, word, f"--output={name}")
        assert done.returncode == 0, done.stderr
        state = checkpoint.load(folder / name / "checkpoint.pt")
        assert len(state["random"]) == state["provenance"]["processes"] == 2
    done = srun(slurm, folder, ["--ntasks=2"], "--output=alone")
    assert done.returncode != 0
    assert "srun started 2 processes" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (folder / "alone/checkpoint.pt").exists()
