"""What a table needs: its runs and evaluations, and where their files lie.

Tables are declared in `workflow/tables/*.yaml`; with a configuration they become runs (models to
train) and evaluations (scores to compute). Snakemake asks for their paths, the table verb reads
them. Nothing here imports torch: the plan is made every time Snakemake starts.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field

from commonfate.config import Config, TableConfig
from commonfate.errors import ConfigError
from commonfate.settings import Name, Settings, parse

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
    foregrounds: tuple[Foreground, ...] = ("unsupervised", "oracle")
    """How the foreground is chosen; a column each."""
    published: PublishedDeclaration | None = None


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
        cells = (cell for name in self.config.tables for cell in self.evaluations(name))
        return {cell.run.slug: cell.run for cell in cells}

    def evaluations(self, table: str) -> list[Evaluation]:
        """The evaluations of a table, row by row."""
        rows = self.declarations[table].rows
        return [cell for row in rows for cell in self.row(table, row)]

    def row(self, table: str, row: RowDeclaration) -> Iterator[Evaluation]:
        """The evaluations of one row: benchmarks, then ways to choose the foreground."""
        at_this_scale = self.config.tables[table]
        for name in at_this_scale.benchmarks:
            run = self._run(at_this_scale, row, name)
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
        return json.dumps(values, sort_keys=True)

    def _run(self, table: TableConfig, row: RowDeclaration, benchmark_name: str) -> Run:
        benchmark = self.config.benchmarks[benchmark_name]
        defaults = getattr(self.config.methods, row.method)
        where = f"workflow/tables: row {row.label!r}"
        settings = parse(type(defaults), _merged(defaults.model_dump(), row.settings), where)
        parts = [row.method, *settings.slug]
        parts += [f"{key}.{row.settings[key]}" for key in row.settings if key not in settings.named]
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


def _merged(values: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """`values` with `changes`, key by key through nested groups."""
    result = dict(values)
    for key, change in changes.items():
        nested = isinstance(change, dict) and isinstance(result.get(key), dict)
        result[key] = _merged(result[key], change) if nested else change
    return result


def read_declaration(path: Path) -> TableDeclaration:
    """Read one table's YAML.

    Raises:
        ConfigError: the file is not YAML or not a table.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: cannot be read as YAML ({error})") from error
    return parse(TableDeclaration, values, str(path))


def make(config: Config, folder: Path) -> Plan:
    """Join a configuration with the tables declared in `folder`.

    Raises:
        ConfigError: the configuration names a table that no file declares.
    """
    declarations = {path.stem: read_declaration(path) for path in sorted(folder.glob("*.yaml"))}
    for name in config.tables:
        if name not in declarations:
            known = ", ".join(declarations)
            raise ConfigError(f"config: tables.{name} has no {folder}/{name}.yaml. Known: {known}")
    plan = Plan(config, declarations)
    _ = plan.runs
    return plan
