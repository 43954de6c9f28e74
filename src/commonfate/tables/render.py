"""A table as CSV, Markdown and LaTeX, with the same texts, in long form, and in short."""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tabulate import tabulate

from commonfate.tables.table import (
    MEASURED,
    METHOD,
    RUNTIME,
    Section,
    Table,
    sections,
)

LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "±": r"$\pm$",
    **{character: "\\" + character for character in "&%$#_{}"},
}
LONG = (
    "row",
    "column",
    "benchmark",
    "scoring",
    "metric",
    "seed",
    "value",
    "repeats",
    "repeats_std",
    "evaluation",
)
"""Columns of the long form. `repeats_std` is the sample deviation of the repeats of an evaluation,
and `value` their mean."""
SIDE_BY_SIDE = 5
"""Number of scores that fit a terminal."""


def to_csv(table: Table) -> str:
    """The rows alone, with a header line."""
    return _csv(table.columns, table.rows)


def to_long_csv(table: Table) -> str:
    """The measured scores for programs: a line for each number of each seed, with all digits.

    `row` and `column` name the number's place in the table.
    """
    lines = [
        {key: cell.get(key) for key in LONG} | {k: "" if v is None else v for k, v in score.items()}
        for cell in table.cells
        for score in cell.get("seeds", ())
    ]
    return _csv(LONG, lines)


def _csv(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def to_text(table: Table) -> str:
    """The measured scores for a terminal, or only their means; seeds, videos left out."""
    head, measured = table.leading[0], table.measured_columns
    columns = [column for column in (*table.scores, RUNTIME) if column in measured]
    if head == METHOD:
        rows = table.of(MEASURED)
    else:
        rows = [row for row in map(table.rows.__getitem__, table.means) if measured & row.keys()]
    names = [head] if head == METHOD else table.describing
    parts = [
        grid([*names, *columns[start : start + SIDE_BY_SIDE]], rows)
        for start in range(0, len(columns), SIDE_BY_SIDE)
    ]
    return "\n\n".join([table.title, *parts, table.notes[0], table.left_out_note()])


def to_markdown(table: Table) -> str:
    """Title, caption, rows and notes; a wide table in parts that fit a page."""
    parts = sections(table)
    grids = [_grid(table, part) for part in parts]
    if len(parts) > 1:
        heads = [f"## {_markdown(part.heading)}" for part in parts]
        grids = [text for pair in zip(heads, grids, strict=True) for text in pair]
    notes = "\n".join(f"- {_markdown(note)}" for note in table.notes)
    about = (f"# {_markdown(table.title)}", _markdown(table.caption))
    return "\n\n".join([*about, *grids, *(["## Notes"] if len(parts) > 1 else []), notes]) + "\n"


def _grid(table: Table, part: Section) -> str:
    cells = [
        [table.rows[number].get(column, "") for column in part.columns] for number in part.rows
    ]
    return _pipes(part.shown, cells)


def grid(columns: Sequence[str], rows: Sequence[dict[str, str]]) -> str:
    """Some columns of some rows as a Markdown table."""
    return _pipes(columns, [[row.get(column, "") for column in columns] for row in rows])


def _pipes(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    texts = [[_markdown(text) for text in row] for row in cells]
    header = [_markdown(column) for column in columns]
    return tabulate(texts, header, tablefmt="pipe", disable_numparse=True)


def _markdown(text: str) -> str:
    """Keep `|`, `*` and `<` from being read as markup; code in backquotes stays as it is."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(
        part if part.startswith("`") else re.sub(r"([\\|*<])", r"\\\1", part) for part in parts
    )


def to_latex(table: Table) -> str:
    """A floating table, blocks of rows ruled by booktabs; the notes stand below in small print."""
    parts = sections(table)
    return "\n".join(
        [
            r"% Needs \usepackage{booktabs,graphicx}.",
            r"\begin{table*}",
            rf"\caption{{{_latex(table.title)}. {_latex(table.caption)}}}",
            rf"\label{{tab:{table.name}}}",
            *(line for part in parts for line in _tabular(table, part)),
            r"\par\footnotesize",
            *(rf"{_latex(note)}\par" for note in table.notes),
            r"\end{table*}",
            "",
        ]
    )


def _tabular(table: Table, part: Section) -> Iterator[str]:
    if part.heading:
        yield rf"\par\medskip\textbf{{{_latex(part.heading)}}}\par"
    yield r"\resizebox{\textwidth}{!}{%"
    yield rf"\begin{{tabular}}{{{'l' * len(part.columns)}}}"
    yield r"\toprule"
    yield _latex_row(part.shown)
    before = -1
    for number in part.rows:
        first = before < 0
        if first or any(before < start <= number for start in table.breaks):
            yield r"\midrule"
        yield _latex_row([table.rows[number].get(column, "") for column in part.columns])
        before = number
    yield r"\bottomrule"
    yield r"\end{tabular}}"


def _latex_row(cells: Sequence[str]) -> str:
    return " & ".join(_latex(cell) for cell in cells) + r" \\"


def _latex(text: str) -> str:
    escaped = "".join(LATEX.get(character, character) for character in text)
    escaped = re.sub(r"`([^`]*)`", r"\\texttt{\1}", escaped)
    return re.sub(r'"([^"]*)"', r"``\1''", escaped)
