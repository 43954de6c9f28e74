"""The profiles and environments that are shipped."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def test_conda_pins_agree_with_pyproject() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    conda = yaml.safe_load((ROOT / "envs/commonfate.yaml").read_text())["dependencies"]
    pip = next(entry["pip"] for entry in conda if isinstance(entry, dict))
    assert sorted(pip) == sorted(project["dependencies"])
    assert f"python{project['requires-python']}" in conda


def test_the_lock_holds_what_pyproject_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["dev"]
    names = {entry.replace(">", "=").partition("=")[0] for entry in wanted}
    lock = (ROOT / "requirements.lock").read_text()
    locked = {line.partition("==")[0] for line in lock.splitlines() if "==" in line}
    assert names <= locked
    assert "://" not in lock


def test_what_needs_a_compiler_or_draws_is_an_extra() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lock = (ROOT / "requirements.lock").read_text()
    crf_lock = (ROOT / "requirements-crf.lock").read_text().split()
    for extra, name in (("crf", "pydensecrf2"), ("benchmarks", "matplotlib")):
        (wanted,) = project["optional-dependencies"][extra]
        assert wanted.startswith(f"{name}>=")
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
