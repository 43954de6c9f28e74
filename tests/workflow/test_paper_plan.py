"""Scale `paper`: every table plans before a single file is downloaded."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from helpers import layouts
from helpers.pages import ROOT


def _jobs(folder: Path, *tables: str) -> dict[str, str]:
    """How many jobs of each rule a dry run in `folder` plans for some tables."""
    snakemake = Path(sys.executable).with_name("snakemake")
    command = [
        snakemake,
        "-n",
        "--snakefile",
        ROOT / "Snakefile",
        "--configfile",
        layouts.PAPER,
        "--",
    ]
    targets = [f"results/tables/{name}.csv" for name in tables]
    variables = {**os.environ, "PATH": f"{snakemake.parent}{os.pathsep}{os.environ['PATH']}"}
    process = subprocess.run(
        [*map(str, command), *targets], cwd=folder, env=variables, capture_output=True, text=True
    )
    output = process.stdout + process.stderr
    assert process.returncode == 0, output
    assert " holds no file; planned as if it held one shard" in output
    _, _, statistics = output.partition("Job stats:")
    return dict(line.split() for line in statistics.splitlines() if len(line.split()) == 2)


def test_all_tables_of_guess_what_moves_plan_on_empty_folders(tmp_path: Path) -> None:
    layouts.paper(tmp_path)
    jobs = _jobs(tmp_path, *(f"gwm_table{number}" for number in range(1, 13)))
    assert jobs["table"] == "12"
    # On DAVIS 13 (Tables 1, 2, 5, 7), on each of the two others 6 (Tables 1, 5), on train splits 4
    # (Table 4), on all videos 2 (Tables 3, 9).
    assert jobs["train"] == "31"


def test_all_tables_of_amd_plan_on_empty_folders_without_flow(tmp_path: Path) -> None:
    layouts.paper(tmp_path)
    jobs = _jobs(tmp_path, "amd_table1", "amd_table2", "amd_table3", "amd_figure5")
    assert jobs["table"] == "4"
    # On YouTube-VOS 4: c = 5, 6, 8 (Tables 1 to 3, Figure 5), heavy augmentation (Table 2); on VOC
    # 3: from scratch, from either augmentation.
    assert jobs["train"] == "7"
    # YouTube-VOS, VOC and the videos of the three benchmarks that are adapted to.
    assert jobs["samples"] == "5"
    assert "flow" not in jobs
    # What is fine-tuned waits for what it starts from.
    assert _jobs(tmp_path, "amd_table2")["train"] == "5"


def test_the_headline_table_plans_on_empty_folders(tmp_path: Path) -> None:
    layouts.paper(tmp_path)
    jobs = _jobs(tmp_path, "table1")
    # Guess What Moves learns from each of three data sets, AMD, FlowDINO and TimeT once.
    assert jobs["train"] == "6"
    assert jobs["flow"] == "6"  # FlowDINO learns from three data sets of its own


def test_tables_of_amd_need_no_flow(workflow_in: Callable[[Path], Any], tmp_path: Path) -> None:
    tables = ("amd_table1", "amd_table2", "amd_table3", "amd_figure5")
    targets = [f"results/tables/{name}.csv" for name in tables]
    rules = workflow_in(tmp_path).planned(targets=targets)
    assert {"sprites", "samples", "train", "predict", "evaluate", "table"} <= rules
    assert not rules & {"flow", "flow_weights"}
