"""Numbers that the papers print, as transcribed in `published/*.csv` (see the README there)."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from itertools import combinations

from commonfate.base.errors import ConfigError
from commonfate.base.settings import unknown
from commonfate.published.benchmarks import BENCHMARKS

__all__ = ["BENCHMARKS", "PAPERS", "Row", "Value", "names", "origin", "rows"]

PAPERS = {
    "GWM": "Guess What Moves (Choudhury et al., BMVC 2022, arXiv 2205.07844)",
    "GWM code": "Released code of Guess What Moves (github.com/karazijal/guess-what-moves)",
    "FlowDINO": "Optical Flow boosts Unsupervised Localization and Segmentation "
    "(Zhang and Boularias, IROS 2023, arXiv 2307.13640)",
    "AMD": "The Emergence of Objectness (Liu et al., NeurIPS 2021)",
    "TimeT": "Time Does Tell (Salehi et al., ICCV 2023, arXiv 2308.11796)",
}
CODE = ("GWM code",)
"""Those of them that are no papers but programs, whose output is quoted."""
COMMON = ("paper", "table", "row", "dataset", "metric", "value", "std", "unit", "is_ours", "note")
"""Columns of every CSV; the others are what tells a table's variants apart."""


@dataclass(frozen=True)
class Value:
    """One printed number."""

    text: str
    """The digits as printed."""
    unit: str
    note: str
    file: str
    """Name of the CSV."""
    line: int
    """Line of the CSV, the header being line 1."""


@dataclass(frozen=True)
class Row:
    """One row of a paper's table."""

    label: str
    paper: str
    table: str
    variant: Mapping[str, str]
    """Columns that only this table has, e.g. `flow_method`."""
    values: Mapping[tuple[str, str], Value]
    """By metric and data set."""
    of_all: Mapping[str, Value]
    """Metrics that the paper gives once for all data sets, e.g. `runtime`, by name."""
    source: str
    """`published`; `published code` for what a program of the authors prints; `published (AMD)`
    for what another paper than that of the first table prints."""

    @property
    def place(self) -> str:
        """The table, or the program, that it stands in."""
        return self.table if self.paper in CODE else f"Table {self.table}"

    @property
    def runtime(self) -> Value | None:
        """Seconds a frame; some papers print them beside those of a whole video."""
        return self.of_all.get("runtime_per_frame", self.of_all.get("runtime"))

    @property
    def remarks(self) -> list[str]:
        """What the transcription notes of the numbers, each remark once."""
        shown = [*self.values.values(), *([self.runtime] if self.runtime else [])]
        parts = (part for value in shown for part in value.note.split("; ") if part)
        return list(dict.fromkeys(parts))


def names() -> list[str]:
    """The tables that there are, e.g. `gwm_table1`."""
    folder = resources.files("commonfate.published") / "tables"
    files = (file.name for file in folder.iterdir())
    return sorted(name.removesuffix(".csv") for name in files if name.endswith(".csv"))


def rows(tables: Sequence[str], metrics: Sequence[str]) -> dict[str, Row]:
    """Read the rows that give one of some metrics, by label, in the paper's order.

    A label that several rows of a table share is followed by the least that tells them apart, e.g.
    `Quadratic (Eq. (2)) (K 3)`; it does not depend on the metrics. A row of a later table that
    repeats label and numbers of an earlier one is left out; if it has the label alone in common,
    its paper follows: `MG (AMD)`.

    Args:
        tables: of `names()`. The first gives the columns: of the others only those numbers are
            taken whose metric and data set it has, too.
        metrics: as in the column `metric` of the first table, e.g. `J`.

    Raises:
        ConfigError: there is no such table, or no such metric in the first one.
    """
    parts = [_table(name) for name in tables]
    given = dict.fromkeys(key for row in parts[0].values() for key in row.values)
    for metric in metrics:
        known = sorted({one for one, _ in given})
        if metric not in known:
            where = f"published table {tables[0]}: metric {metric!r}"
            raise ConfigError(f"{where}{unknown(metric, known)}")
    columns = [key for key in given if key[0] in metrics]
    first = next(iter(parts[0].values())).paper
    found: dict[str, Row] = {}
    for label, row in (pair for part in parts for pair in part.items()):
        values = {key: row.values[key] for key in columns if key in row.values}
        if not values or (label in found and _repeats(values, found[label].values)):
            continue
        other = row.paper not in (first, *CODE)
        source = f"published ({row.paper})" if other else row.source
        told = f"{label} ({row.paper})" if label in found else label
        found[told] = replace(row, values=values, source=source)
    return found


def _repeats(
    values: Mapping[tuple[str, str], Value], earlier: Mapping[tuple[str, str], Value]
) -> bool:
    """Whether another row prints the same digits."""
    return all(key in earlier and earlier[key].text == one.text for key, one in values.items())


def origin(row: Row, value: Value) -> dict[str, str]:
    """Where a printed number comes from, for the reader of a table's provenance."""
    return {
        "paper": PAPERS[row.paper],
        "place": row.place,
        "paper_row": row.label,
        "printed": value.text,
        "note": value.note,
        "transcription": f"commonfate/published/tables/{value.file}.csv, line {value.line}",
    }


def _table(name: str) -> dict[str, Row]:
    """All rows of a CSV with all their numbers, by label."""
    if name not in names():
        raise ConfigError(f"published table {name!r}{unknown(name, names())}")
    file = resources.files("commonfate.published") / "tables" / f"{name}.csv"
    cells = csv.DictReader(file.read_text(encoding="utf-8").splitlines())
    grouped: dict[tuple[str, ...], list[tuple[int, dict[str, str]]]] = {}
    for line, cell in enumerate(cells, start=2):
        key = (cell["row"], *_variant(cell).values())
        grouped.setdefault(key, []).append((line, cell))
    return _by_label(_each_once([_row(name, group) for group in grouped.values()]))


def _variant(cell: Mapping[str, str]) -> dict[str, str]:
    return {column: text for column, text in cell.items() if column not in COMMON}


def _row(name: str, cells: list[tuple[int, dict[str, str]]]) -> Row:
    first = cells[0][1]
    values = {
        (cell["metric"], cell["dataset"]): Value(
            cell["value"], cell["unit"], cell["note"], name, line
        )
        for line, cell in cells
    }
    of_all = {metric: value for (metric, dataset), value in values.items() if dataset == "all"}
    paper = first["paper"]
    source = "published code" if paper in CODE else "published"
    return Row(first["row"], paper, first["table"], _variant(first), values, of_all, source)


def _each_once(found: list[Row]) -> list[Row]:
    """Without the repetitions of rows that a paper prints in several blocks of one table."""
    kept: dict[tuple[object, ...], Row] = {}
    for row in found:
        variant = tuple(text for key, text in row.variant.items() if key != "block")
        digits = tuple((key, value.text) for key, value in row.values.items())
        kept.setdefault((row.label, variant, digits), row)
    return list(kept.values())


def _by_label(found: list[Row]) -> dict[str, Row]:
    return {_label(row, [one for one in found if one.label == row.label]): row for row in found}


def _label(row: Row, alike: list[Row]) -> str:
    """The printed label, and what tells the row apart from those of the same label."""
    differ = [key for key in row.variant if len({one.variant[key] for one in alike}) > 1]
    for count in range(len(differ) + 1):
        for keys in combinations(differ, count):
            if len({tuple(one.variant[key] for key in keys) for one in alike}) == len(alike):
                apart = ", ".join(_told(key, row.variant[key]) for key in keys if row.variant[key])
                return f"{row.label} ({apart})" if apart else row.label
    raise ConfigError(f"published table {row.table} of {row.paper}: row {row.label!r} twice")


def _told(key: str, text: str) -> str:
    """A number with what it is of; words speak for themselves."""
    return f"{key.replace('_', ' ')} {text}" if text.replace(".", "").isdigit() else text
