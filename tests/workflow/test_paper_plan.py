"""Scale `paper`: every table plans before a single file is downloaded."""

import os
import subprocess
import sys
from pathlib import Path

import yaml

from commonfate import config, datasets
from commonfate.settings import merged

ROOT = Path(__file__).parents[2]
SCALE = ROOT / "config/paper.yaml"


def _empty_folders(folder: Path) -> None:
    """The folders of all real data sets, as their authors lay them out, without any file."""
    values = merged(
        yaml.safe_load((ROOT / "config.yaml").read_text()), yaml.safe_load(SCALE.read_text())
    )
    roots = {name: one["root"] for name, one in values["datasets"].items() if "root" in one}
    for name, root in roots.items():
        values["datasets"][name]["root"] = str(folder / root)
        (folder / root).mkdir(parents=True)
    for name, settings in config.load(values).datasets.items():
        if name in roots:
            for below in datasets.layout(settings):
                (settings.root / below).mkdir(parents=True, exist_ok=True)


def test_all_tables_of_guess_what_moves_plan_on_empty_folders(tmp_path: Path) -> None:
    _empty_folders(tmp_path)
    snakemake = Path(sys.executable).with_name("snakemake")
    tables = [f"results/tables/gwm_table{number}.csv" for number in range(1, 13)]
    command = [snakemake, "-n", "--snakefile", ROOT / "Snakefile", "--configfile", SCALE, "--"]
    variables = {**os.environ, "PATH": f"{snakemake.parent}{os.pathsep}{os.environ['PATH']}"}
    process = subprocess.run(
        [*map(str, command), *tables], cwd=tmp_path, env=variables, capture_output=True, text=True
    )
    output = process.stdout + process.stderr
    assert process.returncode == 0, output
    assert "Data set davis2016: data/DAVIS2016 holds no file; planned as if" in output
    jobs = dict(line.split() for line in output.splitlines() if len(line.split()) == 2)
    assert jobs["table"] == "12"
    # On DAVIS 13 (Tables 1, 2, 5, 7), on each of the two others 6 (Tables 1, 5), on train splits 4
    # (Table 4), on all videos 2 (Tables 3, 9).
    assert jobs["train"] == "31"
