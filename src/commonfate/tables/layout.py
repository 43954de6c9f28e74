"""How a wide table is laid out: in sections that fit a page, all with the names of the rows."""

from dataclasses import dataclass

from commonfate.tables.table import MEASURED, RUNTIME, SOURCE, Table

WIDE = 12
"""Columns that fit a page."""


@dataclass(frozen=True)
class Section:
    """A part of a table: some columns of some rows, these by number."""

    heading: str
    columns: list[str]
    rows: list[int]

    @property
    def shown(self) -> list[str]:
        """What the columns are called below the heading."""
        return [column.removeprefix(f"{self.heading}: ") for column in self.columns]


def sections(table: Table) -> list[Section]:
    """Split a wide table: scores first, by what they belong to if they are many, then the rest."""
    every = list(range(len(table.rows)))
    if len(table.columns) <= WIDE:
        return [Section("", table.columns, every)]
    names = [column for column in (table.leading[0], SOURCE) if column in table.describing]
    at_once = [column for column in (*table.scores, RUNTIME) if column in table.columns]
    if len(names) + len(at_once) <= WIDE:
        groups = {"Scores": at_once}
    else:
        groups = _by_heading(table, WIDE - len(names))
    shown = {column for group in groups.values() for column in (*names, *group)}
    groups["Rows"] = [column for column in table.describing if column not in shown]
    return [_section(table, heading, names, group) for heading, group in groups.items() if group]


def _by_heading(table: Table, width: int) -> dict[str, list[str]]:
    """Columns of scores by what they belong to; where nothing is measured, as many as fit."""
    measured = {cell["column"] for cell in table.cells if cell["source"] == MEASURED}
    groups: list[tuple[list[str], list[str]]] = []
    by_heading: dict[str, list[str]] = {}
    for column in table.scores:
        by_heading.setdefault(table.headings.get(column, column), []).append(column)
    for heading, columns in by_heading.items():
        beside = [*groups[-1][1], *columns] if groups else []
        if beside and len(beside) <= width and not measured & set(beside):
            groups[-1] = ([*groups[-1][0], heading], beside)
        else:
            groups.append(([heading], columns))
    return {", ".join(headings): columns for headings, columns in groups}


def _section(table: Table, heading: str, names: list[str], columns: list[str]) -> Section:
    """Those columns of the rows that have something in one of them."""
    filled = [
        number for number, row in enumerate(table.rows) if any(row.get(key) for key in columns)
    ]
    return Section(heading, [*names, *columns], filled)
