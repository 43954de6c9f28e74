"""The measured scores in long form, for programs: one line a number of one seed."""

import csv
import io
from collections.abc import Iterator
from typing import Any

from commonfate.tables.table import Table

COLUMNS = ("row", "column", "benchmark", "scoring", "metric", "seed", "value", "evaluation")


def to_csv(table: Table) -> str:
    """All digits of every seed; `row` and `column` say where the number stands in the table."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_lines(table))
    return text.getvalue()


def _lines(table: Table) -> Iterator[dict[str, Any]]:
    for cell in table.cells:
        for one in cell.get("seeds", ()):
            here = {key: cell[key] for key in ("row", "column", "benchmark", "scoring", "metric")}
            yield {**here, **one, "seed": "" if one["seed"] is None else one["seed"]}
