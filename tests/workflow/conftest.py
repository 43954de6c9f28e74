"""Running the workflow as a user does, in a folder of its own."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from helpers.frozen_tables import FLOWDINO, TIMET

ROOT = Path(__file__).parents[2]
TABLE = "results/tables/table1.csv"
"""A target; the file is in the folder of its scale."""


@dataclass(frozen=True)
class Workflow:
    """The workflow at scale smoke, in `folder`."""

    TABLES: ClassVar = (
        TABLE,
        "results/tables/amd_table2.csv",
        "results/tables/timet_table10.csv",
    )
    """Targets that take every way once: runs that are trained, adapted, started from another one,
    or not trained at all; features that are scored."""
    folder: Path

    @property
    def results(self) -> Path:
        """Folder of the scale's products."""
        return self.folder / "results/smoke"

    def command(self, *options: str, targets: Sequence[str] = (TABLE,)) -> list[str]:
        """The command line, with the scale's config."""
        snakemake = [str(Path(sys.executable).with_name("snakemake")), "--cores", "2"]
        files = ["--snakefile", str(ROOT / "Snakefile"), "--directory", str(self.folder)]
        scale = ["--configfile", str(ROOT / "config/smoke.yaml")]
        # Networks are tiny here: two jobs of a thread each, not one of two.
        threads = ["--set-threads", "train=1", "predict=1", "flow=1"]
        return [*snakemake, *files, *scale, *threads, *options, "--", *targets]

    def start(
        self,
        *options: str,
        environment: Mapping[str, str] | None = None,
        targets: Sequence[str] = (TABLE,),
        **way,
    ) -> subprocess.Popen:
        """Start it; the verbs are those of this environment."""
        variables = {**os.environ, **(environment or {})}
        variables["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{variables['PATH']}"
        return subprocess.Popen(
            self.command(*options, targets=targets),
            env=variables,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **way,
        )

    def run(
        self,
        *options: str,
        environment: Mapping[str, str] | None = None,
        targets: Sequence[str] = (TABLE,),
    ) -> str:
        """Run it to the end; what it printed."""
        process = self.start(*options, environment=environment, targets=targets)
        output, _ = process.communicate()
        assert process.returncode == 0, output
        return output

    def planned(self, *options: str, targets: Sequence[str] = (TABLE,)) -> set[str]:
        """Rules that a run with these options would execute."""
        output = self.run("--dry-run", "--quiet", "host", *options, targets=targets)
        _, result, stats = output.partition("Job stats:")
        if not result:
            return set()
        lines = stats.strip().splitlines()[2:]
        rules = {line.split()[0] for line in lines[: lines.index("")] if line.split()}
        # Other than at scale demo, a table is asked for through a rule of its name.
        return {rule for rule in rules if "/" not in rule} - {"total"}


@pytest.fixture(scope="session")
def workflow_in() -> Callable[[Path], Workflow]:
    """Make the workflow, not yet run, in a folder."""
    return Workflow


@pytest.fixture(scope="session")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """The finished workflow at scale smoke, its `TABLES`; tests must leave it finished."""
    workflow = Workflow(tmp_path_factory.mktemp("smoke"))
    workflow.run(targets=workflow.TABLES)
    return workflow


@pytest.fixture(scope="session")
def all_tables(smoke: Workflow) -> Workflow:
    """The same with every table of the scale."""
    smoke.run(targets=("all",))
    return smoke


@pytest.fixture(scope="session")
def feature_tables(smoke: Workflow) -> Workflow:
    """The same with every table of frozen rows, which are made by name alone."""
    smoke.run(targets=[f"results/tables/{name}.csv" for name in (*FLOWDINO, *TIMET)])
    return smoke
