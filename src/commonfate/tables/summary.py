"""A table in short, for the terminal."""

from commonfate.tables import notes, render
from commonfate.tables.sequences import AVERAGE, FRAME_AVERAGE
from commonfate.tables.table import MEASURED, METHOD, RUNTIME, Table

SIDE_BY_SIDE = 5
"""Scores that fit a terminal."""
MEANS = (AVERAGE, FRAME_AVERAGE)


def write(table: Table) -> str:
    """The measured scores (by sequence only their means), seeds, and what was left out."""
    head = table.leading[0]
    measured = {cell["column"] for cell in table.cells if cell["source"] == MEASURED}
    columns = [column for column in (*table.scores, RUNTIME) if column in measured]
    if head == METHOD:
        rows = table.of(MEASURED)
    else:
        means = [row for row in table.rows if row[head].startswith(MEANS)]
        rows = [row for row in means if measured & row.keys()]
    parts = [
        render.grid([head, *columns[start : start + SIDE_BY_SIDE]], rows)
        for start in range(0, len(columns), SIDE_BY_SIDE)
    ]
    seeds = table.notes[0]
    return "\n\n".join([table.title, *parts, seeds, notes.left_out(table)])
