"""A result table as text: rows and columns, and the origin of every number."""

from dataclasses import dataclass, field
from typing import Any

METHOD, SOURCE, RUNTIME = "method", "source", "runtime (seconds per frame)"
MEASURED = "measured"
"""The source of our own numbers."""
LEADING = (
    METHOD,
    SOURCE,
    "scale",
    "network",
    "K",
    "flow model",
    "RGB at inference",
    "flow at inference",
    "input resolution",
    "learns from",
    "flow source",
    "pre-training",
    "supervision",
    "features",
    "adaptation",
    "post-processing",
    "seed",
    RUNTIME,
    "device",
)
"""Columns that say what a row is; those of scores follow."""
HONEST = (SOURCE, "scale", "seed")
"""Leading columns that stay even where they tell no rows apart."""


@dataclass
class Table:
    """A table that is ready to be written."""

    name: str
    title: str
    caption: str
    leading: tuple[str, ...] = LEADING
    """Columns that say what a row is; the first has the rows' names."""
    rows: list[dict[str, str]] = field(default_factory=list)
    """Texts by column; columns that a row has nothing in are not there."""
    breaks: list[int] = field(default_factory=list)
    """Numbers of the rows that a new block begins with."""
    headings: dict[str, str] = field(default_factory=dict)
    """What columns of scores belong to, e.g. a benchmark: wide tables are split by it."""
    cells: list[dict[str, Any]] = field(default_factory=list)
    """For each number `row`, `column`, `value`, `source`, and where it comes from."""
    notes: list[str] = field(default_factory=list)
    """What a reader must know, a sentence or two each; the first tells scale and seeds."""
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What the evaluations were made of, see `lineage.follow`."""
    left_out: list[dict[str, str]] = field(default_factory=list)
    """Videos that were left out: `dataset`, `video`, `source`, `reason`."""
    videos: int = 0
    """How many videos there are, those left out included."""

    @property
    def describing(self) -> list[str]:
        """The leading columns, without those that say nothing of any row."""
        says = {key for row in self.rows for key, text in row.items() if text not in ("", "none")}
        kept = {self.leading[0], *HONEST, *says}
        return [column for column in self.leading if column in kept]

    @property
    def scores(self) -> list[str]:
        """The columns of scores, those of a heading together."""
        found = dict.fromkeys(key for row in self.rows for key in row if key not in self.leading)
        headings = {key: heading for key, heading in self.headings.items() if key in found}
        headings |= {key: key for key in found if key not in headings}
        return [
            key
            for heading in dict.fromkeys(headings.values())
            for key in headings
            if headings[key] == heading
        ]

    @property
    def columns(self) -> list[str]:
        """Names of all columns: what a row is, then the scores."""
        return [*self.describing, *self.scores]

    def of(self, source: str) -> list[dict[str, str]]:
        """The rows of a source, e.g. `measured` or `published`."""
        return [row for row in self.rows if row.get(SOURCE) == source]

    def add(self, row: dict[str, str], cells: list[dict[str, Any]]) -> None:
        """Add a row with its numbers.

        Args:
            row: texts by leading column.
            cells: `column`, `value` and origin of each number; `heading` is what its column
                belongs to; `source` only where it is not that of the row.
        """
        self.rows.append(row | {cell["column"]: cell["value"] for cell in cells})
        given = {cell["column"]: cell["heading"] for cell in cells if "heading" in cell}
        self.headings |= given
        here = {"row": row[self.leading[0]], "source": row.get(SOURCE, "")}
        self.cells.extend(
            {**here, **{key: value for key, value in cell.items() if key != "heading"}}
            for cell in cells
        )
