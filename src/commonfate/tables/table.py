"""A result table as text: rows and columns, and the origin of every number."""

from dataclasses import dataclass, field
from typing import Any

METHOD, SOURCE, RUNTIME = "method", "source", "runtime (seconds per frame)"
LEADING = (
    METHOD,
    SOURCE,
    "scale",
    "RGB at inference",
    "flow at inference",
    "input resolution",
    "flow source",
    "features",
    "post-processing",
    "checkpoint",
    "seed",
    RUNTIME,
    "device",
)
"""Columns that say what a row is; those of scores follow."""
YES_NO = {True: "yes", False: "no", "1": "yes", "0": "no", "": ""}


@dataclass
class Table:
    """A table that is ready to be written."""

    name: str
    title: str
    caption: str
    rows: list[dict[str, str]] = field(default_factory=list)
    """Texts by column; columns that a row has nothing in are not there."""
    cells: list[dict[str, Any]] = field(default_factory=list)
    """For each number `row`, `column`, `value`, `source`, and where it comes from."""
    notes: list[str] = field(default_factory=list)
    """What a reader must know, a sentence or two each."""
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What the evaluations were made of, see `lineage.follow`."""
    left_out: list[dict[str, str]] = field(default_factory=list)
    """Videos that were left out: `dataset`, `video`, `source`, `reason`."""
    videos: int = 0
    """How many videos there are, those left out included."""

    @property
    def columns(self) -> list[str]:
        """Names of the columns: what a row is, then the scores as they come up."""
        found = dict.fromkeys(key for row in self.rows for key in row if key not in LEADING)
        return [*LEADING, *found]

    def of(self, source: str) -> list[dict[str, str]]:
        """The rows that are `measured`, or those that are `published`."""
        return [row for row in self.rows if row[SOURCE] == source]

    def add(self, row: dict[str, str], cells: list[dict[str, Any]]) -> None:
        """Add a row with its numbers; the cells say `column` and `value`, and where from."""
        self.rows.append(row | {cell["column"]: cell["value"] for cell in cells})
        here = {"row": row[METHOD], "source": row[SOURCE]}
        self.cells.extend({**here, **cell} for cell in cells)
