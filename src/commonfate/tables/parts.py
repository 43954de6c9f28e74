"""Tables whose columns are methods: a row for each part of a benchmark's data, then the means."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from commonfate.plan import RowDeclaration
from commonfate.tables import rows as table_rows
from commonfate.tables.comparison import Comparison
from commonfate.tables.quantities import Numbers
from commonfate.tables.scores import Cell
from commonfate.tables.table import MEASURED, Table

Cells = dict[str, list[dict[str, Any]]]
"""Cells of numbers, by the name of their row."""


@dataclass
class Block:
    """Numbers of a benchmark."""

    parts: Cells = field(default_factory=dict)
    """Those of single parts, e.g. sequences."""
    means: Cells = field(default_factory=dict)


def of_benchmark(compared: Sequence[Comparison], benchmark: str) -> list[tuple[str, Cell]]:
    """The cells of a benchmark, each with the label of its row."""
    return [
        (row.label, cell)
        for row in compared
        for cell in row.cells
        if cell.planned.column == benchmark
    ]


def column(label: str, *words: str) -> str:
    """Name of a column, which its section shortens to the words, e.g. `U-Net: J mean leak_free`."""
    return f"{label}: {' '.join(words)}"


def headings(rows: Sequence[RowDeclaration], columns: Iterable[Sequence[str]]) -> dict[str, str]:
    """The declared row of each column, all columns of a row together.

    Args:
        rows: the declared rows.
        columns: the words of each column of a row.
    """
    every = list(columns)
    return {column(row.label, *words): row.label for row in rows for words in every}


def add_number(
    cells: Cells, name: str, shown_in: str, cell: Cell, metric: str, numbers: Numbers | None
) -> None:
    """Add our number of a method to a row, if there is one.

    Args:
        cells: get the number.
        name: of the row.
        shown_in: the column.
        cell: the scores that it is read from.
        metric: name of the quantity, which gives its unit.
        numbers: of each seed; None: it could not be measured.
    """
    if numbers is not None:
        shared = {"column": shown_in, "source": MEASURED, **table_rows.origin([cell])}
        value = table_rows.with_seeds(cell, metric, numbers)
        cells.setdefault(name, []).append({**shared, **value})


def add_rows(table: Table, cells: Cells, leading: Mapping[str, str], means: bool = False) -> None:
    """Add a block of rows.

    Args:
        table: gets them; the first leading column has their names.
        cells: by the name of the row.
        leading: texts of the other leading columns.
        means: they sum up other rows.
    """
    table.breaks.append(len(table.rows))
    for name, numbers in cells.items():
        table.means += [len(table.rows)] if means else []
        table.add({table.leading[0]: name, **leading}, numbers)
