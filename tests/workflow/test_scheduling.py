"""Scheduling: Snakemake looks for jobs when one ends, not ever more often."""

import subprocess
import sys
from pathlib import Path

RULES = Path(__file__).parents[2] / "workflow/rules/scheduling.smk"
JOBS = 12
WORKFLOW = """
include: "{rules}"
onstart: without_default_limit()
rule all:
    input: expand("{{n}}.txt", n=range({jobs}))
rule job:
    output: "{{n}}.txt"
    shell: "sleep 0.3; touch {{output}}"
"""


def looks(folder: Path, *options: str) -> int:
    """How often a run of `JOBS` jobs looks for jobs."""
    (folder / "Snakefile").write_text(WORKFLOW.format(rules=RULES, jobs=JOBS))
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--scheduler", "greedy"]
    run = subprocess.run(
        [*command, "--verbose", *options], cwd=folder, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return run.stderr.count("Ready jobs")


def test_snakemake_looks_for_jobs_about_once_a_job(tmp_path: Path) -> None:
    assert looks(tmp_path) <= JOBS + 2


def test_a_limit_that_the_user_sets_stays(tmp_path: Path) -> None:
    assert looks(tmp_path, "--max-jobs-per-timespan", "7/1s") > JOBS + 2
