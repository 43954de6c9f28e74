"""What a table needs: its runs and evaluations, and where their files lie.

Tables are declared in `workflow/tables/*.yaml`; with a configuration they become runs (models to
train) and evaluations (scores to compute). Snakemake asks for their paths, the table verb reads
them. Nothing here imports torch: the plan is made every time Snakemake starts.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, model_validator

from commonfate.config import Config, TableConfig
from commonfate.errors import ConfigError
from commonfate.settings import Name, Settings, merged, parse, unknown
from commonfate.tables import published

Checkpoint = Literal["last", "best"]
Foreground = Literal["unsupervised", "oracle", "oracle_components"]


class RowDeclaration(Settings):
    """A measured row: a method with some settings of its own."""

    label: str
    """The row's name in the table."""
    method: Name
    """Which method."""
    settings: dict[str, Any] = Field({})
    """Settings that differ from the scale's, by key."""
    checkpoint: Checkpoint = "last"
    """`best` looks at the ground truth, as the released code does, and is labelled so."""
    published: str | None = None
    """Label of the paper's own row for the same thing."""


class PublishedDeclaration(Settings):
    """Rows copied from a paper's table."""

    table: str
    """Name of the CSV in commonfate/tables/published."""
    metric: str
    """Which metric of it."""


class TableDeclaration(Settings):
    """A result table."""

    title: str
    caption: str
    rows: tuple[RowDeclaration, ...]
    foregrounds: tuple[Foreground, ...] = Field(("unsupervised", "oracle"), min_length=1)
    """How the foreground is chosen; a column each."""
    published: PublishedDeclaration | None = None

    @model_validator(mode="after")
    def _labels_tell_rows_apart(self) -> "TableDeclaration":
        labels = [row.label for row in self.rows]
        for label in labels:
            if labels.count(label) > 1:
                raise ValueError(f"rows: the label {label!r} is used more than once")
        return self


@dataclass(frozen=True)
class Run:
    """A method with its settings, its training data and its seed."""

    slug: str
    settings: Any
    dataset: str
    split: str
    flow: str
    seed: int

    @property
    def samples(self) -> str:
        """Name of the training samples."""
        return f"{self.dataset}-{self.split}-{self.flow}"


@dataclass(frozen=True)
class Evaluation:
    """One run, scored on one benchmark in one way."""

    run: Run
    benchmark: str
    protocol: str
    foreground: Foreground
    checkpoint: Checkpoint

    @property
    def path(self) -> Path:
        """The scores, `results/evaluations/{run}/{benchmark}/{protocol}...json`."""
        name = f"{self.protocol}.{self.foreground}.{self.checkpoint}.json"
        return Path("results/evaluations") / self.run.slug / self.benchmark / name


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
            if (same.settings, same.dataset) != (run.settings, run.dataset):
                raise ConfigError(f"workflow/tables: two different runs are both called {run.slug}")
        return runs

    def evaluations(self, table: str) -> list[Evaluation]:
        """The evaluations of a table, row by row."""
        rows = self.declarations[table].rows
        return [cell for row in rows for cell in self.row(table, row)]

    def row(self, table: str, row: RowDeclaration) -> Iterator[Evaluation]:
        """The evaluations of one row: benchmarks, then ways to choose the foreground."""
        at_this_scale = self.config.tables[table]
        for name in at_this_scale.benchmarks:
            run = self._run(at_this_scale, row, name, f"workflow/tables/{table}.yaml")
            benchmark = self.config.benchmarks[name]
            for foreground in self.declarations[table].foregrounds:
                yield Evaluation(run, name, benchmark.protocol, foreground, row.checkpoint)

    def table_config(self, table: str) -> str:
        """The part of the configuration that a table's numbers and labels depend on, as JSON.

        An unrelated change elsewhere leaves it as it is, so the table is not made again.
        """
        values = self.config.model_dump(mode="json")
        values["tables"] = {table: values["tables"][table]}
        benchmarks = values["tables"][table]["benchmarks"]
        values["benchmarks"] = {name: values["benchmarks"][name] for name in benchmarks}
        used = [one["dataset"] for one in values["benchmarks"].values()]
        values["datasets"] = {name: values["datasets"][name] for name in used}
        source = values["tables"][table]["flow"]
        values["flow"]["sources"] = {source: values["flow"]["sources"][source]}
        for elsewhere in ("flow_quality", "flow_training", "weights_folder"):
            del values[elsewhere]
        del values["flow"]["batch_size"]  # it does not change the flow
        return json.dumps(values, sort_keys=True)

    def _run(self, table: TableConfig, row: RowDeclaration, benchmark_name: str, where: str) -> Run:
        benchmark = self.config.benchmarks[benchmark_name]
        settings = self._settings(row, f"{where}: row {row.label!r}")
        parts = [row.method, *settings.slug]
        parts += [
            f"{key}.{_word(value)}"
            for key, value in _flat(row.settings)
            if key not in settings.named
        ]
        if settings.reads_flow or settings.trained:
            parts.append(table.flow)
        split = "" if benchmark.train_split == "all" else f".{benchmark.train_split}"
        parts.append(benchmark.dataset + (split if settings.trained else ""))
        if settings.trained:
            parts.append(f"s{self.config.seed}")
        return Run(
            "-".join(parts),
            settings,
            benchmark.dataset,
            benchmark.train_split,
            table.flow,
            self.config.seed,
        )

    def _settings(self, row: RowDeclaration, where: str) -> Any:
        methods = self.config.methods
        if row.method not in type(methods).model_fields:
            known = type(methods).model_fields
            raise ConfigError(f"{where}: method {row.method!r}{unknown(row.method, known)}")
        defaults = getattr(methods, row.method)
        if row.checkpoint == "best" and not defaults.trained:
            raise ConfigError(f"{where}: checkpoint best: {row.method} has nothing to train")
        return parse(type(defaults), merged(defaults.model_dump(), row.settings), where)


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


def read_declaration(path: Path) -> TableDeclaration:
    """Read one table's YAML.

    Raises:
        ConfigError: the file is not YAML or not a table.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"{path}: cannot be read as YAML ({reason})") from error
    return parse(TableDeclaration, values, str(path))


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
        if plan.config.datasets[benchmark.dataset].adapter == "sprites":
            raise ConfigError(f"{key}: rendered videos are no published benchmark; leave it out")
    declaration = plan.declarations[table]
    if declaration.published is None:
        return
    rows = published.rows(declaration.published.table, declaration.published.metric)
    for row in declaration.rows:
        if row.published is not None and row.published not in rows:
            where = f"workflow/tables/{table}.yaml: row {row.label!r}: published {row.published!r}"
            raise ConfigError(f"{where}{unknown(row.published, rows)}")
