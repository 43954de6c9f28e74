"""Numbers that the papers print, as transcribed in `published/*.csv` (see the README there)."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Literal

from commonfate.errors import ConfigError
from commonfate.settings import unknown

PAPERS = {
    "GWM": "Guess What Moves (Choudhury et al., BMVC 2022, arXiv 2205.07844)",
    "FlowDINO": "Optical Flow boosts Unsupervised Localization and Segmentation "
    "(Zhang and Boularias, IROS 2023, arXiv 2307.13640)",
    "AMD": "The Emergence of Objectness (Liu et al., NeurIPS 2021)",
    "TimeT": "Time Does Tell (Salehi et al., ICCV 2023, arXiv 2308.11796)",
}
COMMON = ("paper", "table", "row", "dataset", "metric", "value", "std", "unit", "is_ours", "note")
"""Columns of every CSV; the others are what tells a table's variants apart."""


@dataclass(frozen=True)
class Benchmark:
    """What the papers score under a data set's name; only the same may stand beside their J."""

    sequences: int
    frames: int | None
    """Annotated frames, where known: the 1,356 and 1,052 that GWM's code scores have a next frame,
    so every sequence has one more."""
    average: Literal["sequence", "frame"]
    """Over what GWM takes the mean in its Table 1 (its Tables 10 to 12 give both)."""


BENCHMARKS = {
    "DAVIS2016": Benchmark(20, 1376, "sequence"),
    "SegTrackv2": Benchmark(14, 1066, "frame"),
    "FBMS59": Benchmark(30, None, "frame"),
}


@dataclass(frozen=True)
class Value:
    """One printed number."""

    text: str
    """The digits as printed."""
    unit: str
    note: str
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
    values: Mapping[str, Value]
    """The chosen metric, by data set."""
    of_all: Mapping[str, Value]
    """Metrics that the paper gives once for all data sets, e.g. `runtime`, by name."""

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
    folder = resources.files("commonfate.tables") / "published"
    files = (file.name for file in folder.iterdir())
    return sorted(name.removesuffix(".csv") for name in files if name.endswith(".csv"))


def rows(table: str, metric: str) -> dict[str, Row]:
    """Read the rows that give a metric, by label, in the paper's order.

    A label that several rows share is followed by what tells them apart, e.g.
    `Quadratic (Eq. (2)) (block n_components, K 3)`.

    Args:
        table: one of `names()`.
        metric: as in the column `metric`, e.g. `J`.

    Raises:
        ConfigError: there is no such table, or no such metric in it.
    """
    if table not in names():
        raise ConfigError(f"published table {table!r}{unknown(table, names())}")
    file = resources.files("commonfate.tables") / "published" / f"{table}.csv"
    cells = list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))
    known = sorted({cell["metric"] for cell in cells})
    if metric not in known:
        raise ConfigError(f"published table {table}: metric {metric!r}{unknown(metric, known)}")
    grouped: dict[tuple[str, ...], list[tuple[int, dict[str, str]]]] = {}
    for line, cell in enumerate(cells, start=2):
        key = (cell["row"], *_variant(cell).values())
        grouped.setdefault(key, []).append((line, cell))
    found = [_row(group, metric) for group in grouped.values()]
    return _by_label([row for row in found if row.values])


def origin(table: str, row: Row, value: Value) -> dict[str, str]:
    """Where a printed number comes from, for the reader of a table's provenance."""
    return {
        "paper": PAPERS[row.paper],
        "paper_table": row.table,
        "paper_row": row.label,
        "printed": value.text,
        "note": value.note,
        "transcription": f"commonfate/tables/published/{table}.csv, line {value.line}",
    }


def _variant(cell: Mapping[str, str]) -> dict[str, str]:
    return {column: text for column, text in cell.items() if column not in COMMON}


def _row(cells: list[tuple[int, dict[str, str]]], metric: str) -> Row:
    first = cells[0][1]
    values: dict[str, Value] = {}
    of_all: dict[str, Value] = {}
    for line, cell in cells:
        value = Value(cell["value"], cell["unit"], cell["note"], line)
        if cell["metric"] == metric:
            values[cell["dataset"]] = value
        elif cell["dataset"] == "all":
            of_all[cell["metric"]] = value
    return Row(first["row"], first["paper"], first["table"], _variant(first), values, of_all)


def _by_label(found: list[Row]) -> dict[str, Row]:
    labels = [row.label for row in found]
    named = {}
    for row in found:
        alike = [other for other in found if other.label == row.label]
        differ = [key for key in row.variant if len({one.variant[key] for one in alike}) > 1]
        apart = ", ".join(f"{key} {row.variant[key]}" for key in differ if row.variant[key])
        named[f"{row.label} ({apart})" if labels.count(row.label) > 1 else row.label] = row
    return named
