"""All declared tables under one configuration."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from commonfate.config import BenchmarkConfig, Config
from commonfate.errors import ConfigError
from commonfate.plan.cells import SCORINGS, Evaluation, Run
from commonfate.plan.declarations import RowDeclaration, TableDeclaration, read_declaration
from commonfate.settings import merged, parse, unknown
from commonfate.tables import published


@dataclass(frozen=True)
class Plan:
    """All declared tables under one configuration."""

    config: Config
    declarations: dict[str, TableDeclaration]

    @cached_property
    def runs(self) -> dict[str, Run]:
        """Every run of every table, by slug."""
        runs: dict[str, Run] = {}
        for run in (cell.run for name in self.config.tables for cell in self.evaluations(name)):
            same = runs.setdefault(run.slug, run)
            if (same.settings, same.datasets) != (run.settings, run.datasets):
                raise ConfigError(f"workflow/tables: two different runs are both called {run.slug}")
        return runs

    def evaluations(self, table: str) -> list[Evaluation]:
        """The evaluations of a table, row by row."""
        rows = self.declarations[table].rows
        return [cell for row in rows for cell in self.row(table, row)]

    def row(self, table: str, row: RowDeclaration) -> Iterator[Evaluation]:
        """The evaluations of one row: benchmarks, then scorings."""
        for name in self.config.tables[table].benchmarks:
            run = self._run(table, row, name)
            benchmark = self.config.benchmarks[name]
            for scoring in self.declarations[table].scorings:
                how = SCORINGS[scoring]
                released = how.released_frames and benchmark.released_protocol
                yield Evaluation(
                    run,
                    name,
                    scoring,
                    released or benchmark.protocol,
                    how.foreground,
                    how.checkpoint if run.settings.trained else "last",
                    row.adapt,
                    row.crf,
                )

    def table_config(self, table: str) -> str:
        """The part of the configuration that a table's numbers and labels depend on, as JSON.

        An unrelated change elsewhere leaves it as it is, so the table is not made again.
        """
        cells = self.evaluations(table)
        values = self.config.model_dump(mode="json")
        values["tables"] = {table: values["tables"][table]}
        names = dict.fromkeys(cell.benchmark for cell in cells)
        values["benchmarks"] = {name: values["benchmarks"][name] for name in names}
        datasets = [self.config.benchmarks[name].dataset for name in names]
        datasets += [name for cell in cells for name in cell.run.datasets]
        values["datasets"] = {name: values["datasets"][name] for name in dict.fromkeys(datasets)}
        sources = dict.fromkeys([self.config.tables[table].flow, *(c.run.flow for c in cells)])
        values["flow"]["sources"] = {name: values["flow"]["sources"][name] for name in sources}
        roles = {row.flow for row in self.declarations[table].rows}
        values["flow_roles"] = {
            role: source for role, source in values["flow_roles"].items() if role in roles
        }
        for elsewhere in ("flow_quality", "flow_training", "weights_folder"):
            del values[elsewhere]
        del values["flow"]["batch_size"]  # it does not change the flow
        return json.dumps(values, sort_keys=True)

    def _run(self, table: str, row: RowDeclaration, benchmark_name: str) -> Run:
        benchmark = self.config.benchmarks[benchmark_name]
        where = f"workflow/tables/{table}.yaml: row {row.label!r}"
        changes = merged(row.settings, self.config.tables[table].rows.get(row.label, {}))
        settings = self._settings(row.method, changes, where)
        flow = self._flow(table, row, where)
        self._check(row, settings, benchmark, f"{where} on benchmark {benchmark_name}")
        datasets = benchmark.learnt_from if settings.trained else (benchmark.dataset,)
        parts = [row.method, *settings.slug]
        parts += [
            f"{key}.{_word(value)}" for key, value in _flat(changes) if key not in settings.named
        ]
        if settings.reads_flow or settings.trained:
            parts.append(flow)
        split = "" if benchmark.train_split == "all" else f".{benchmark.train_split}"
        parts.append("+".join(datasets) + (split if settings.trained else ""))
        if settings.trained:
            parts.append(f"s{self.config.seed}")
        slug = "-".join(parts)
        return Run(slug, settings, datasets, benchmark.train_split, flow, self.config.seed)

    def _flow(self, table: str, row: RowDeclaration, where: str) -> str:
        """The source of a row's flow."""
        if row.flow is None:
            return self.config.tables[table].flow
        roles = self.config.flow_roles
        if row.flow not in roles:
            raise ConfigError(
                f"{where}: no flow source plays the role {row.flow!r} at this scale; name one in "
                f"the config under flow_roles.{row.flow}"
            )
        return roles[row.flow]

    def _settings(self, method: str, changes: dict[str, Any], where: str) -> Any:
        methods = self.config.methods
        if method not in type(methods).model_fields:
            known = type(methods).model_fields
            raise ConfigError(f"{where}: method {method!r}{unknown(method, known)}")
        at_this_scale = getattr(methods, method)
        return parse(type(at_this_scale), merged(at_this_scale.model_dump(), changes), where)

    def _check(
        self, row: RowDeclaration, settings: Any, benchmark: BenchmarkConfig, where: str
    ) -> None:
        if row.adapt and not settings.trained:
            raise ConfigError(f"{where}: adapt {row.adapt}: {row.method} has nothing to train")
        needs_flow = row.adapt or settings.reads_flow
        if needs_flow and not self.config.datasets[benchmark.dataset].gaps:
            raise ConfigError(
                f"{where}: needs flow, but data set {benchmark.dataset} has no frame gaps"
            )


def _flat(values: Mapping[str, Any], parents: str = "") -> Iterator[tuple[str, Any]]:
    """Pairs of dotted key and value."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{parents}{key}.")
        else:
            yield f"{parents}{key}", value


def _word(value: Any) -> str:
    """A setting's value as part of a path, e.g. `128x224` for a size."""
    if isinstance(value, list | tuple):
        return "x".join(_word(item) for item in value)
    text = str(value).lower() if isinstance(value, bool | None) else str(value)
    return re.sub(r"[^a-zA-Z0-9_.=-]+", "_", text)


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
    plan = Plan(config, dict(declarations))
    _ = plan.runs
    for name in config.tables:
        _check_published(plan, name)
    return plan


def _check_published(plan: Plan, table: str) -> None:
    """Find what a table cannot be compared with now, not after hours of training."""
    for name in plan.config.tables[table].benchmarks:
        benchmark = plan.config.benchmarks[name]
        known_as = benchmark.published_as
        key = f"config: benchmarks.{name}.published_as {known_as!r}"
        if known_as is None:
            continue
        if known_as not in published.BENCHMARKS:
            raise ConfigError(f"{key}{unknown(known_as, published.BENCHMARKS)}")
        if plan.config.datasets[benchmark.dataset].adapter in ("sprites", "sprite_images"):
            raise ConfigError(f"{key}: rendered data are no published benchmark; leave it out")
    declaration = plan.declarations[table]
    if declaration.published is None:
        return
    rows = published.rows(declaration.published.tables, declaration.published.metrics)
    for row in declaration.rows:
        if row.published is not None and row.published not in rows:
            where = f"workflow/tables/{table}.yaml: row {row.label!r}: published {row.published!r}"
            raise ConfigError(f"{where}{unknown(row.published, rows)}")
