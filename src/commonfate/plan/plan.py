"""All declared tables under one configuration."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from pathlib import Path

from commonfate.base.errors import ConfigError, did_you_mean
from commonfate.base.settings import unknown
from commonfate.config import Config
from commonfate.plan import checks, part
from commonfate.plan.cells import Evaluation, Run
from commonfate.plan.declarations import RowDeclaration, TableDeclaration, read_declaration
from commonfate.plan.requests import Request
from commonfate.prediction import crf


@dataclass(frozen=True)
class Plan:
    """All declared tables under one configuration."""

    config: Config
    declarations: dict[str, TableDeclaration]
    """Without the rows that cannot be made here."""
    rows_left_out: dict[str, dict[str, str]] = field(default_factory=dict)
    """Labels of those rows, by table, and why they cannot be made."""

    def left_out(self, table: str) -> str:
        """A line on the rows that are left out of a table; empty if there are none.

        Raises:
            ConfigError: no row is left.
        """
        reasons = self.rows_left_out.get(table, {})
        if reasons and not self.declarations[table].rows:
            raise ConfigError(
                f"table {table}: nothing is left of it: {next(iter(reasons.values()))}"
            )
        lines = []
        for reason in dict.fromkeys(reasons.values()):
            labels = [repr(label) for label, own in reasons.items() if own == reason]
            lines.append(f"Left out of {table}: {', '.join(labels)}, as {reason}.")
        return " ".join(lines)

    @cached_property
    def refused(self) -> dict[str, str]:
        """The reasons why tables cannot be made from this configuration, by table.

        They stop nobody who asks for other tables, or for nothing that is a table's.
        """
        return {
            name: str(planned)
            for name, planned in self._planned.items()
            if isinstance(planned, ConfigError)
        }

    @cached_property
    def _planned(self) -> dict[str, list[Evaluation] | ConfigError]:
        """Evaluations by table, or why it cannot be made."""
        planned: dict[str, list[Evaluation] | ConfigError] = {}
        for name in self.config.tables:
            try:
                checks.comparing(self.config, name, self.declarations[name])
                checks.varying(self.config, name, self.declarations[name])
                rows = self.declarations[name].rows
                cells = [cell for row in rows for cell in self.row(name, row)]
                checks.folders(self.config, name, self._datasets(cells))
                planned[name] = cells
            except ConfigError as error:
                planned[name] = error
        return planned

    @cached_property
    def runs(self) -> dict[str, Run]:
        """Every run of every table that can be made, and those whose weights they need, by slug.

        Raises:
            ConfigError: two different runs have the same name.
        """
        runs: dict[str, Run] = {}
        tables = (name for name in self.config.tables if name not in self.refused)
        cells = (cell for name in tables for cell in self.evaluations(name))
        for run in (needed for cell in cells for needed in cell.run.needed_runs):
            same = runs.setdefault(run.slug, run)
            learnt = [(each.settings, each.datasets, each.beside) for each in (same, run)]
            if learnt[0] != learnt[1]:
                raise ConfigError(f"workflow/tables: two different runs are both called {run.slug}")
        return runs

    def run(self, slug: str) -> Run:
        """A run by its name.

        Raises:
            ConfigError: no table that can be made has such a run.
        """
        if slug in self.runs:
            return self.runs[slug]
        reasons = "".join(f"\n{table} is refused: {why}" for table, why in self.refused.items())
        near = did_you_mean(slug, self.runs)
        raise ConfigError(f"run {slug!r} is of no table of this configuration{near}{reasons}")

    def evaluations(self, table: str) -> list[Evaluation]:
        """The evaluations of a table, row by row.

        Raises:
            ConfigError: the table cannot be made from this configuration, see `refused`.
        """
        planned = self._planned[table]
        if isinstance(planned, ConfigError):
            raise ConfigError(str(planned))
        return list(planned)

    def datasets(self, table: str) -> list[str]:
        """Names of the data sets that a table is scored on, or whose videos it learns from.

        Raises:
            ConfigError: as `evaluations`.
        """
        return self._datasets(self.evaluations(table))

    def _datasets(self, cells: Sequence[Evaluation]) -> list[str]:
        scored = (self.config.benchmarks[cell.benchmark].dataset for cell in cells)
        runs = (run for cell in cells for run in cell.run.needed_runs)
        learnt = (name for run in runs for name in (*run.datasets, *run.beside))
        return list(dict.fromkeys((*scored, *learnt)))

    def row(self, table: str, row: RowDeclaration) -> Iterator[Evaluation]:
        """The evaluations of one row: benchmarks, then scorings, then seeds."""
        declared = self.declarations[table]
        for column in self.config.tables[table].benchmarks:
            name = self.config.benchmarks[column].variants.get(row.variant or "", column)
            requests = [
                Request(self.config, table, row, name, seed) for seed in self.config.seeds_of(table)
            ]
            # A method without training is one run, whatever the seeds.
            runs = dict.fromkeys(request.run() for request in requests)
            benchmark, where = self.config.benchmarks[name], requests[0].where
            for scored_by, run in product(declared.scorings_of(row), runs):
                kind = checks.scoring(
                    self.config, run.settings, benchmark, scored_by, declared.kind, where
                )
                scoring = kind.scorings[scored_by]
                yield Evaluation(
                    run,
                    column,
                    name,
                    scored_by,
                    benchmark.protocol_of(scoring),
                    benchmark.rule_of(scoring, run.settings),
                    scoring.checkpoint if run.settings.trained else "last",
                    requests[0].adapt,
                    row.crf,
                )

    def table_config(self, table: str) -> str:
        """The part of the configuration that a table depends on, see `part.of_table`.

        Raises:
            ConfigError: as `evaluations`.
        """
        cells = self.evaluations(table)
        used = self._datasets(cells)
        return part.of_table(self.config, table, self.declarations[table], cells, used)


def make(config: Config, folder: Path) -> Plan:
    """Join a configuration with the tables declared in `folder`.

    Raises:
        ConfigError: as `join`.
    """
    files = sorted(folder.glob("*.yaml"))
    return join(config, {path.stem: read_declaration(path) for path in files})


def join(config: Config, declarations: Mapping[str, TableDeclaration]) -> Plan:
    """Join a configuration with declared tables, and check them before any job starts.

    What stops a single table is in `Plan.refused`, and raised where that table is asked for.

    Raises:
        ConfigError: the configuration names a table or a row that is not declared, or two
            different runs have the same name.
    """
    for name in config.tables:
        if name not in declarations:
            raise ConfigError(f"config: tables.{name}{unknown(name, declarations)}")
        labels = [row.label for row in declarations[name].rows]
        for label in config.tables[name].rows:
            if label not in labels:
                raise ConfigError(f"config: tables.{name}.rows.{label}{unknown(label, labels)}")
    asked_for = {name: _asked_for(config, name, table) for name, table in declarations.items()}
    missing = {name: _impossible(config, table) for name, table in asked_for.items()}
    kept = {name: table.without(missing[name]) for name, table in asked_for.items()}
    plan = Plan(config, kept, missing)
    _ = plan.runs
    return plan


def _asked_for(config: Config, name: str, declaration: TableDeclaration) -> TableDeclaration:
    """A table without the rows that the configuration leaves out.

    Raises:
        ConfigError: no row is left.
    """
    if name not in config.tables:
        return declaration
    rows = config.tables[name].rows
    kept = declaration.without([label for label, changes in rows.items() if changes is None])
    if not kept.rows:
        raise ConfigError(f"config: tables.{name}.rows leaves every row out; keep one")
    return kept


def _impossible(config: Config, declaration: TableDeclaration) -> dict[str, str]:
    """Rows that are impossible, and why: a package, or the data of an optional row, is missing."""
    reasons = {}
    for row in declaration.rows:
        roles = [role for role in (row.data, row.beside) if role not in (None, *config.data_roles)]
        if row.optional and roles:
            reasons[row.label] = (
                f"no data sets play the role {roles[0]!r} at this scale (data_roles.{roles[0]} of "
                f"the config names them)"
            )
        elif row.crf and not crf.is_installed():
            reasons[row.label] = (
                f"the package pydensecrf2, which the CRF needs, is not installed ({crf.EXTRA})"
            )
    return reasons
