"""A result table as text: rows and columns, origins of numbers, sections that fit a page."""

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
"""Columns that describe a row; those of scores follow."""
ALWAYS_SHOWN = (SOURCE, "scale", "seed")
"""Leading columns that stay even where they are equal in all rows."""
NAMED = 5
"""Number of left-out videos that a note names; the provenance lists all."""
WIDE = 12
"""Number of columns that fit a page."""


@dataclass
class Table:
    """A table that is ready to be written."""

    name: str
    title: str
    caption: str
    leading: tuple[str, ...] = LEADING
    """Columns that describe a row; the first has the rows' names."""
    rows: list[dict[str, str]] = field(default_factory=list)
    """Texts by column, without empty ones."""
    breaks: list[int] = field(default_factory=list)
    """Numbers of the rows that a new block begins with."""
    means: list[int] = field(default_factory=list)
    """Numbers of the rows that sum up others, where methods are columns."""
    headings: dict[str, str] = field(default_factory=dict)
    """Heading of each column of scores, e.g. a benchmark: wide tables are split by heading."""
    cells: list[dict[str, Any]] = field(default_factory=list)
    """For each number `row`, `column`, `value`, `source`, and its origin."""
    notes: list[str] = field(default_factory=list)
    """Notes of a sentence or two each; the first tells scale and seeds."""
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Records of the evaluations and of their inputs, see `provenance.follow`."""
    left_out: list[dict[str, str]] = field(default_factory=list)
    """Videos that were left out: `dataset`, `video`, `source`, `reason`."""
    videos: int = 0
    """Number of all videos, those left out included."""

    @property
    def describing(self) -> list[str]:
        """The leading columns without those that are empty in every row."""
        filled = {key for row in self.rows for key, text in row.items() if text not in ("", "none")}
        kept = {self.leading[0], *ALWAYS_SHOWN, *filled}
        return [column for column in self.leading if column in kept]

    @property
    def scores(self) -> list[str]:
        """The columns of scores, those of a heading together."""
        columns = dict.fromkeys(key for row in self.rows for key in row if key not in self.leading)
        headings = {key: heading for key, heading in self.headings.items() if key in columns}
        headings |= {key: key for key in columns if key not in headings}
        return [
            key
            for heading in dict.fromkeys(headings.values())
            for key in headings
            if headings[key] == heading
        ]

    @property
    def columns(self) -> list[str]:
        """Names of all columns: the describing ones, then the scores."""
        return [*self.describing, *self.scores]

    @property
    def measured_columns(self) -> set[str]:
        """Columns with a measured number."""
        return {cell["column"] for cell in self.cells if cell["source"] == MEASURED}

    def of(self, source: str) -> list[dict[str, str]]:
        """The rows of a source, e.g. `measured` or `published`."""
        return [row for row in self.rows if row.get(SOURCE) == source]

    def add(self, row: dict[str, str], cells: list[dict[str, Any]]) -> None:
        """Add a row with its numbers.

        Args:
            row: texts by leading column.
            cells: `column`, `value` and origin of each number; `heading` of its column; `source`
                only where it is not that of the row.
        """
        self.rows.append(row | {cell["column"]: cell["value"] for cell in cells})
        self.headings |= {cell["column"]: cell["heading"] for cell in cells if "heading" in cell}
        shared = {"row": row[self.leading[0]], "source": row.get(SOURCE, "")}
        self.cells.extend(
            {**shared, **{key: value for key, value in cell.items() if key != "heading"}}
            for cell in cells
        )

    def left_out_note(self) -> str:
        """The number of videos that were left out, and the first of them with reasons."""
        count = f"{len(self.left_out)} of {self.videos} videos left out"
        named = [
            f"{video['dataset']}/{video['video']}: {video['reason']}"
            for video in self.left_out[:NAMED]
        ]
        more = ["..."] if len(self.left_out) > NAMED else []
        return f"{count} ({'; '.join(named + more)})." if named else f"{count}."


@dataclass(frozen=True)
class Section:
    """A part of a table: some columns of some rows, these by number."""

    heading: str
    columns: list[str]
    rows: list[int]

    @property
    def shown(self) -> list[str]:
        """Names of the columns without the heading that stands above them."""
        return [column.removeprefix(f"{self.heading}: ") for column in self.columns]


def sections(table: Table) -> list[Section]:
    """Split a wide table: scores first, by heading if they are many, then the other columns."""
    if len(table.columns) <= WIDE:
        return [Section("", table.columns, list(range(len(table.rows))))]
    by_method = table.leading[0] == METHOD
    kept = (METHOD, SOURCE) if by_method else table.leading
    names = [column for column in kept if column in table.describing]
    scores = [column for column in (*table.scores, RUNTIME) if column in table.columns]
    if len(names) + len(scores) <= WIDE:
        groups = {"Scores": scores}
    else:
        groups = _by_heading(table, WIDE - len(names))
    shown = {column for group in groups.values() for column in (*names, *group)}
    groups["Rows"] = [column for column in table.describing if column not in shown]
    return [_section(table, heading, names, group) for heading, group in groups.items() if group]


def _by_heading(table: Table, width: int) -> dict[str, list[str]]:
    """Columns of scores by heading; headings without measured numbers share a section."""
    groups: list[tuple[list[str], list[str]]] = []
    by_heading: dict[str, list[str]] = {}
    for column in table.scores:
        by_heading.setdefault(table.headings.get(column, column), []).append(column)
    for heading, columns in by_heading.items():
        joined = [*groups[-1][1], *columns] if groups else []
        if joined and len(joined) <= width and not table.measured_columns & set(joined):
            groups[-1] = ([*groups[-1][0], heading], joined)
        else:
            groups.append(([heading], columns))
    return {", ".join(headings): columns for headings, columns in groups}


def _section(table: Table, heading: str, names: list[str], columns: list[str]) -> Section:
    """The rows that have a text in one of some columns."""
    filled = [
        number for number, row in enumerate(table.rows) if any(row.get(key) for key in columns)
    ]
    return Section(heading, [*names, *columns], filled)
