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
"""Names among them of programs, whose output is quoted."""
COMMON = ("paper", "table", "row", "dataset", "metric", "value", "std", "unit", "is_ours", "note")
"""Columns of every CSV; the others describe the variants of a table."""


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
    """`published`; `published code` for the output of a program of the authors; `published (AMD)`
    for numbers of another paper than that of the first table."""

    @property
    def place(self) -> str:
        """Name of the table, or of the program."""
        return self.table if self.paper in CODE else f"Table {self.table}"

    @property
    def runtime(self) -> Value | None:
        """Seconds a frame; some papers print them beside those of a whole video."""
        return self.of_all.get("runtime_per_frame", self.of_all.get("runtime"))

    @property
    def remarks(self) -> list[str]:
        """Remarks of the transcription on the numbers, each once."""
        shown = [*self.values.values(), *([self.runtime] if self.runtime else [])]
        parts = (part for value in shown for part in value.note.split("; ") if part)
        return list(dict.fromkeys(parts))


def names() -> list[str]:
    """Names of all tables, e.g. `gwm_table1`."""
    folder = resources.files("commonfate.published") / "tables"
    files = (file.name for file in folder.iterdir())
    return sorted(name.removesuffix(".csv") for name in files if name.endswith(".csv"))


def rows(tables: Sequence[str], metrics: Sequence[str]) -> dict[str, Row]:
    """Read the rows that give one of some metrics, by label, in the paper's order.

    A label that several rows of a table share is followed by the fewest columns that distinguish
    them, e.g. `Quadratic (Eq. (2)) (K 3)`, whatever the metrics. A row of a later table that
    repeats label and numbers of an earlier row is left out; a row that repeats the label alone is
    followed by its paper: `MG (AMD)`.

    Args:
        tables: of `names()`. The first gives the columns: of the others, numbers of other metrics
            and data sets are left out.
        metrics: as in the column `metric` of the first table, e.g. `J`.

    Raises:
        ConfigError: there is no such table, or no such metric in the first one.
    """
    parts = [_table(name) for name in tables]
    keys = dict.fromkeys(key for row in parts[0].values() for key in row.values)
    printed = sorted({metric for metric, _ in keys})
    for metric in metrics:
        if metric not in printed:
            where = f"published table {tables[0]}: metric {metric!r}"
            raise ConfigError(f"{where}{unknown(metric, printed)}")
    columns = [key for key in keys if key[0] in metrics]
    first = next(iter(parts[0].values())).paper
    by_label: dict[str, Row] = {}
    for label, row in (pair for part in parts for pair in part.items()):
        values = {key: row.values[key] for key in columns if key in row.values}
        if not values or (label in by_label and _repeats(values, by_label[label].values)):
            continue
        other = row.paper not in (first, *CODE)
        source = f"published ({row.paper})" if other else row.source
        unique = f"{label} ({row.paper})" if label in by_label else label
        by_label[unique] = replace(row, values=values, source=source)
    return by_label


def _repeats(
    values: Mapping[tuple[str, str], Value], earlier: Mapping[tuple[str, str], Value]
) -> bool:
    """True if an earlier row prints the same digits."""
    return all(key in earlier and earlier[key].text == new.text for key, new in values.items())


def origin(row: Row, value: Value) -> dict[str, str]:
    """Origin of a printed number, for the provenance of a table."""
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


def _each_once(rows: list[Row]) -> list[Row]:
    """Rows without repetitions in several blocks of one table."""
    kept: dict[tuple[object, ...], Row] = {}
    for row in rows:
        variant = tuple(text for key, text in row.variant.items() if key != "block")
        digits = tuple((key, value.text) for key, value in row.values.items())
        kept.setdefault((row.label, variant, digits), row)
    return list(kept.values())


def _by_label(rows: list[Row]) -> dict[str, Row]:
    return {_label(row, [other for other in rows if other.label == row.label]): row for row in rows}


def _label(row: Row, alike: list[Row]) -> str:
    """The printed label, with the columns that distinguish the row from others of this label."""
    differ = [key for key in row.variant if len({other.variant[key] for other in alike}) > 1]
    for count in range(len(differ) + 1):
        for keys in combinations(differ, count):
            if len({tuple(other.variant[key] for key in keys) for other in alike}) == len(alike):
                apart = ", ".join(_text(key, row.variant[key]) for key in keys if row.variant[key])
                return f"{row.label} ({apart})" if apart else row.label
    raise ConfigError(f"published table {row.table} of {row.paper}: row {row.label!r} twice")


def _text(key: str, text: str) -> str:
    """A number after the name of its column; words as they are."""
    return f"{key.replace('_', ' ')} {text}" if text.replace(".", "").isdigit() else text
