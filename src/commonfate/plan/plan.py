"""All declared tables under one configuration."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from pathlib import Path

from commonfate.base.errors import ConfigError
from commonfate.base.settings import unknown
from commonfate.config import Config
from commonfate.evaluation import kinds
from commonfate.plan import checks, left_out
from commonfate.plan.cells import Evaluation, Run
from commonfate.plan.declarations import RowDeclaration, TableDeclaration, read_declaration
from commonfate.plan.part import of_table
from commonfate.plan.requests import Request


@dataclass(frozen=True)
class Plan:
    """All declared tables under one configuration."""

    config: Config
    declarations: dict[str, TableDeclaration]
    """Without the rows that cannot be made here."""
    rows_left_out: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Labels of those rows, by table."""

    def left_out(self, table: str) -> str:
        """A line on the rows that are left out of a table; "" where none is.

        Raises:
            ConfigError: none is left.
        """
        labels = self.rows_left_out.get(table, ())
        rows = self.declarations[table].rows
        return left_out.note(table, labels, all_of_them=not rows) if labels else ""

    @cached_property
    def runs(self) -> dict[str, Run]:
        """Every run of every table, and those that they start from, by slug."""
        found: dict[str, Run] = {}
        cells = (cell for name in self.config.tables for cell in self.evaluations(name))
        for run in (one for cell in cells for one in cell.run.lineage):
            same = found.setdefault(run.slug, run)
            if (same.settings, same.datasets) != (run.settings, run.datasets):
                raise ConfigError(f"workflow/tables: two different runs are both called {run.slug}")
        return found

    def evaluations(self, table: str) -> list[Evaluation]:
        """The evaluations of a table, row by row."""
        rows = self.declarations[table].rows
        return [cell for row in rows for cell in self.row(table, row)]

    def row(self, table: str, row: RowDeclaration) -> Iterator[Evaluation]:
        """The evaluations of one row: benchmarks, then scorings, then seeds."""
        scorings = kinds.scorings()
        for name in self.config.tables[table].benchmarks:
            requests = [
                Request(self.config, table, row, name, seed) for seed in self.config.seeds_of(table)
            ]
            # What is not trained is one run, whatever the seeds.
            runs = dict.fromkeys(request.run() for request in requests)
            benchmark, where = self.config.benchmarks[name], requests[0].where
            for scored_by, run in product(self.declarations[table].scorings_of(row), runs):
                checks.scoring(self.config, run.settings, benchmark, scored_by, where)
                scoring = scorings[scored_by]
                released = scoring.released_frames and benchmark.released_protocol
                yield Evaluation(
                    run,
                    name,
                    scored_by,
                    released or benchmark.protocol,
                    scoring.foreground or run.settings.foreground,
                    scoring.checkpoint if run.settings.trained else "last",
                    requests[0].adapt,
                    row.crf,
                )

    def table_config(self, table: str) -> str:
        """The part of the configuration that a table's numbers and labels depend on, as JSON.

        An unrelated change elsewhere leaves it as it is, so the table is not made again.
        """
        part = of_table(self.config, table, self.declarations[table], self.evaluations(table))
        return json.dumps(part, sort_keys=True)


def make(config: Config, folder: Path) -> Plan:
    """Join a configuration with the tables declared in `folder`.

    Raises:
        ConfigError: as `join`.
    """
    files = sorted(folder.glob("*.yaml"))
    return join(config, {path.stem: read_declaration(path) for path in files})


def join(config: Config, declarations: Mapping[str, TableDeclaration]) -> Plan:
    """Join a configuration with declared tables, and check all that can be checked now.

    Raises:
        ConfigError: the configuration names a table that is not declared, or a table names a
            method, a setting or a published row that does not exist.
    """
    for name in config.tables:
        if name not in declarations:
            raise ConfigError(f"config: tables.{name}{unknown(name, declarations)}")
        labels = [row.label for row in declarations[name].rows]
        for label in config.tables[name].rows:
            if label not in labels:
                raise ConfigError(f"config: tables.{name}.rows.{label}{unknown(label, labels)}")
    missing = {name: left_out.rows(declared) for name, declared in declarations.items()}
    kept = {name: left_out.without(declarations[name], missing[name]) for name in declarations}
    plan = Plan(config, kept, missing)
    _ = plan.runs
    for name in config.tables:
        checks.comparing(config, name, plan.declarations[name])
    return plan
