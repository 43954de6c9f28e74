"""Files of scales in Snakemake: on the demo or by themselves, the command line on top."""

import os
import re
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
DEMO = yaml.safe_load((ROOT / "config.yaml").read_text())
MINE = "scale: mine\ndatasets:\n  cats: {adapter: sprites, videos: 4, gaps: [-1, 1]}\n"
TABLE = """
benchmarks:
  cats: {dataset: cats, split: all}
tables:
  table1: {benchmarks: [cats], flow: dis}
"""


def _plan(folder: Path, text: str, *options: str) -> str:
    """What a dry run of the headline prints, with a file of these settings."""
    (folder / "mine.yaml").write_text(text)
    snakemake = Path(sys.executable).with_name("snakemake")
    command = [str(snakemake), "-n", "-p", "--cores=2", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--configfile", "mine.yaml", *options, "--", "results/tables/table1.csv"]
    variables = {**os.environ, "PATH": f"{snakemake.parent}{os.pathsep}{os.environ['PATH']}"}
    process = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True)
    return process.stdout + process.stderr


def _settings_of(plan: str, method: str, key: str) -> set[str]:
    """Values of a setting in the planned trainings of a method."""
    trainings = re.findall(rf"--method {method} (.*)", plan)
    assert trainings, plan
    return {result for line in trainings for result in re.findall(rf"--set '?{key}=([^ ']+)", line)}


def test_a_file_of_another_scale_stands_on_the_defaults(tmp_path: Path) -> None:
    plan = _plan(tmp_path, MINE + TABLE, "--config", "methods={gwm: {iterations: 7}}")
    assert _settings_of(plan, "gwm", "iterations") == {"7"}  # of the command line
    assert _settings_of(plan, "gwm", "width") == {"64"}  # the paper's
    assert _settings_of(plan, "amd", "iterations") == {"400000"}
    assert "results/mine/tables/table1.csv" in plan and "/sprites/" not in plan


def test_a_file_without_a_scale_changes_the_demo(tmp_path: Path) -> None:
    plan = _plan(tmp_path, "methods:\n  gwm: {iterations: 7}\n", "--config", "seeds=[3]")
    assert _settings_of(plan, "gwm", "iterations") == {"7"}
    assert _settings_of(plan, "gwm", "width") == {str(DEMO["methods"]["gwm"]["width"])}
    assert "--seed 3" in plan and "results/tables/table1.csv" in plan


def test_a_scale_without_data_is_told_how_to_have_the_demos(tmp_path: Path) -> None:
    plan = _plan(tmp_path, "scale: mine\n")
    assert "based_on: demo" in plan and "Traceback" not in plan
