"""Numbers that the papers print, as transcribed in `published/*.csv` (see the README there)."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import resources
from itertools import combinations

from commonfate.base.errors import ConfigError
from commonfate.base.settings import unknown
from commonfate.published.benchmarks import BENCHMARKS
from commonfate.published.values import CODE, Key, Row, Value, headings, word

__all__ = ["BENCHMARKS", "CODE", "PAPERS", "Key", "Row", "Value"]
__all__ += ["headings", "names", "origin", "rows"]

PAPERS = {
    "GWM": "Guess What Moves (Choudhury et al., BMVC 2022, arXiv 2205.07844)",
    "GWM code": "Released code of Guess What Moves (github.com/karazijal/guess-what-moves)",
    "FlowDINO": "Optical Flow boosts Unsupervised Localization and Segmentation "
    "(Zhang and Boularias, IROS 2023, arXiv 2307.13640)",
    "AMD": "The Emergence of Objectness (Liu et al., NeurIPS 2021)",
    "TimeT": "Time Does Tell (Salehi et al., ICCV 2023, arXiv 2308.11796)",
}
COMMON = ("paper", "table", "row", "dataset", "metric", "value", "std", "unit", "is_ours", "note")
"""Columns of every CSV; the others describe the rows of a table, but for `OF_COLUMN`."""
OF_COLUMN: Mapping[str, tuple[str, ...]] = {
    "flowdino_table4": ("protocol",),
    "flowdino_table5": ("protocol",),
    "flowdino_table6": ("protocol",),
    "flowdino_table7": ("protocol",),
    "timet_table4": ("task", "protocol", "K", "clip_length"),
    "timet_table5": ("evaluation",),
    "timet_table7": ("protocol", "K", "clip_length"),
    "timet_table9": ("protocol", "K"),
    "timet_table11": ("delta_t_s",),
}
"""Columns of some CSVs that describe the columns of the paper's table, where others of that name
describe rows: K is a setting of the scores in Table 4 of TimeT, of the method in GWM."""


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
    printed = sorted({key.metric for key in keys})
    for metric in metrics:
        if metric not in printed:
            where = f"published table {tables[0]}: metric {metric!r}"
            raise ConfigError(f"{where}{unknown(metric, printed)}")
    columns = [key for key in keys if key.metric in metrics]
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


def _repeats(values: Mapping[Key, Value], earlier: Mapping[Key, Value]) -> bool:
    """True if an earlier row prints the same digits."""
    return all(key in earlier and earlier[key].text == new.text for key, new in values.items())


def origin(row: Row, value: Value) -> dict[str, str]:
    """Origin of a printed number, for the provenance of a table."""
    return {
        "paper": PAPERS[row.paper],
        "place": row.place,
        "paper_row": row.label,
        "printed": value.shown,
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
        key = (cell["row"], *_variant(name, cell).values())
        grouped.setdefault(key, []).append((line, cell))
    return _by_label(_each_once([_row(name, group) for group in grouped.values()]))


def _variant(name: str, cell: Mapping[str, str]) -> dict[str, str]:
    apart = (*COMMON, *OF_COLUMN.get(name, ()))
    return {column: text for column, text in cell.items() if column not in apart}


def _row(name: str, cells: list[tuple[int, dict[str, str]]]) -> Row:
    first = cells[0][1]
    values: dict[Key, Value] = {}
    for line, cell in cells:
        settings = ((column, cell[column]) for column in OF_COLUMN.get(name, ()))
        filled = tuple(pair for pair in settings if pair[1])
        key = Key(cell["metric"], cell["dataset"], filled)
        if key in values:
            raise ConfigError(
                f"published table {name}: line {line} repeats line {values[key].line}"
            )
        values[key] = Value(cell["value"], cell["std"], cell["unit"], cell["note"], name, line)
    of_all = {key.metric: value for key, value in values.items() if key.dataset == "all"}
    paper = first["paper"]
    source = "published code" if paper in CODE else "published"
    return Row(first["row"], paper, first["table"], _variant(name, first), values, of_all, source)


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
                apart = ", ".join(word(key, row.variant[key]) for key in keys if row.variant[key])
                return f"{row.label} ({apart})" if apart else row.label
    raise ConfigError(f"published table {row.table} of {row.paper}: row {row.label!r} twice")
