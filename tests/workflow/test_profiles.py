"""The profiles and environments that are shipped."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
READ_BY_USERS = ("*.md", "docs/**/*.md", "config.yaml", "config/*.yaml", "profiles/**/*.yaml")
READ_BY_USERS += ("Makefile", "Snakefile", "workflow/**/*", "benchmarks/**/*", "src/**/*.py")
RUN = "gwm-unet-quadratic-k4-dis-sprites-s0"


def test_conda_pins_agree_with_pyproject() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    conda = yaml.safe_load((ROOT / "envs/commonfate.yaml").read_text())["dependencies"]
    pip = next(entry["pip"] for entry in conda if isinstance(entry, dict))
    assert sorted(pip) == sorted(project["dependencies"])
    assert f"python{project['requires-python']}" in conda


def test_the_lock_holds_what_pyproject_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    expected = project["dependencies"] + project["optional-dependencies"]["dev"]
    names = {entry.replace(">", "=").partition("=")[0] for entry in expected}
    lock = (ROOT / "requirements.lock").read_text()
    locked = {line.partition("==")[0] for line in lock.splitlines() if "==" in line}
    assert names <= locked
    assert "://" not in lock


def test_what_needs_a_compiler_or_draws_is_an_extra() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lock = (ROOT / "requirements.lock").read_text()
    crf_lock = (ROOT / "requirements-crf.lock").read_text().split()
    for extra, name in (("crf", "pydensecrf2"), ("benchmarks", "matplotlib")):
        (expected,) = project["optional-dependencies"][extra]
        assert expected.startswith(f"{name}>=")
        assert name not in " ".join(project["dependencies"]) and f"{name}==" not in lock
    assert [pin.partition("==")[0] for pin in crf_lock] == ["pydensecrf2"]


def test_slurm_plans_every_rule_with_a_partition(tmp_path: Path) -> None:
    command = [
        str(Path(sys.executable).with_name("snakemake")),
        *("--snakefile", str(ROOT / "Snakefile"), "--directory", str(tmp_path)),
        *("--workflow-profile", str(ROOT / "profiles/slurm"), "--dry-run"),
        *("--configfile", str(ROOT / "config/smoke.yaml"), "--", "results/tables/table1.csv"),
    ]
    plan = subprocess.run(command, capture_output=True, text=True, env=os.environ, check=False)
    assert plan.returncode == 0, plan.stdout + plan.stderr
    jobs = plan.stdout.split("\nrule ")[1:]
    partition = {
        job.partition(":")[0]: job.partition("slurm_partition=")[2].partition(",")[0].split()[0]
        for job in jobs
        if "slurm_partition=" in job
    }
    assert partition["flow"] == partition["train"] == partition["predict"] == "gpu"
    assert partition["sprites"] == partition["frames"] == partition["samples"] == "cpu"


def test_no_command_anywhere_loads_two_profiles() -> None:
    """`--profile` adds to profiles/default, whose nolock a cluster must not have."""
    texts = {
        path: path.read_text(encoding="utf-8")
        for pattern in READ_BY_USERS
        for path in ROOT.glob(pattern)
        if path.is_file() and path.suffix not in (".png", ".csv", ".safetensors", ".pyc")
    }
    named = [(path, *match) for path in texts for match in _profiles(texts[path])]
    wrong = [f"{path.relative_to(ROOT)}: {option} {name}" for path, option, name in named]
    wrong = [entry for entry in wrong if " --profile " in entry]
    assert not wrong
    assert {name for _, _, name in named} == {"profiles/slurm"}
    assert len({path for path, _, _ in named}) >= 5  # the documentation, a scale, the profile


def _profiles(text: str) -> list[tuple[str, str]]:
    return re.findall(r"(--(?:workflow-)?profile)[ =]+([\w./-]+)", text)


def test_slurm_keeps_the_lock_of_snakemake() -> None:
    """Jobs outlive a killed Snakemake there, unlike on one machine."""
    item, cluster = (
        yaml.safe_load((ROOT / "profiles" / name / "config.v9+.yaml").read_text())
        for name in ("default", "slurm")
    )
    assert item["nolock"] is True
    assert "nolock" not in cluster


@pytest.fixture
def submitted(tmp_path: Path) -> dict[str, str]:
    """Options of sbatch for a training of two devices; the job is refused."""
    folder, programs = tmp_path / "run", tmp_path / "bin"
    index = folder / "results/smoke/samples/sprites-all-dis/index.parquet"
    index.parent.mkdir(parents=True)
    index.touch()
    programs.mkdir()
    for name in ("sbatch", "squeue", "sacct", "sinfo", "scontrol"):
        (programs / name).write_text(
            f'#!/bin/sh\nprintf "%s\\n" "$@" >> {tmp_path}/{name}\nexit 1\n'
        )
        (programs / name).chmod(0o755)
    command = [
        str(Path(sys.executable).with_name("snakemake")),
        *("--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder)),
        *("--workflow-profile", str(ROOT / "profiles/slurm")),
        *("--slurm-init-seconds-before-status-checks", "1"),
        *("--configfile", str(ROOT / "config/smoke.yaml"), "--config", "train_devices={gwm: 2}"),
        "train_threads=8",
        *("--allowed-rules", "train", "--", f"results/smoke/runs/{RUN}/checkpoint.pt"),
    ]
    variables = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(command, capture_output=True, text=True, env=variables, check=False)
    assert (tmp_path / "sbatch").exists(), done.stdout + done.stderr
    words = (tmp_path / "sbatch").read_text().partition("\n--wrap")[0].split("\n")
    text = " ".join(words)
    return dict(re.findall(r"(--?[a-z][a-z-]*)[ =]([^-]\S*)", text))


def test_a_training_of_two_devices_is_one_task_with_both(submitted: dict[str, str]) -> None:
    assert (submitted["--gpus"], submitted["--nodes"], submitted["-p"]) == ("2", "1", "gpu")
    assert submitted["--cpus-per-task"] == "16"  # eight for each
    assert submitted["--mem"] == "32000"
    assert submitted["-t"] == "1440"
    # More tasks would each start a training of two.
    assert not submitted.keys() & {"--ntasks", "-n", "--ntasks-per-gpu", "--ntasks-per-node"}
