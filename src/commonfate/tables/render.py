"""A table as CSV, Markdown and LaTeX: the same texts in all three."""

import csv
import io
import re
from collections.abc import Sequence

from tabulate import tabulate

from commonfate.tables.table import SOURCE, Table

LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    **{character: "\\" + character for character in "&%$#_{}"},
}


def to_csv(table: Table) -> str:
    """The rows alone, with a header line."""
    text = io.StringIO()
    writer = csv.DictWriter(text, table.columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(table.rows)
    return text.getvalue()


def to_markdown(table: Table) -> str:
    """Title, caption, rows and notes."""
    notes = "\n".join(f"- {_markdown(note)}" for note in table.notes)
    rows = grid(table.columns, table.rows)
    return f"# {_markdown(table.title)}\n\n{_markdown(table.caption)}\n\n{rows}\n\n{notes}\n"


def grid(columns: Sequence[str], rows: Sequence[dict[str, str]]) -> str:
    """Some columns of some rows as a Markdown table."""
    cells = [[_markdown(row.get(column, "")) for column in columns] for row in rows]
    header = [_markdown(column) for column in columns]
    return tabulate(cells, header, tablefmt="pipe", disable_numparse=True)


def _markdown(text: str) -> str:
    """Keep `|`, `*` and `<` from being read as markup; code in backquotes stays as it is."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(
        part if part.startswith("`") else re.sub(r"([\\|*<])", r"\\\1", part) for part in parts
    )


def to_latex(table: Table) -> str:
    """A floating table, rows ruled by booktabs; the notes stand below it in small print."""
    header = _latex_row(table.columns)
    lines = [_latex_row([row.get(column, "") for column in table.columns]) for row in table.rows]
    before = sum(row[SOURCE] == "measured" for row in table.rows)
    if before < len(lines):
        lines.insert(before, r"\midrule")
    notes = [rf"{_latex(note)}\par" for note in table.notes]
    return "\n".join(
        [
            r"% Needs \usepackage{booktabs,graphicx}.",
            r"\begin{table*}",
            rf"\caption{{{_latex(table.title)}. {_latex(table.caption)}}}",
            rf"\label{{tab:{table.name}}}",
            r"\resizebox{\textwidth}{!}{%",
            rf"\begin{{tabular}}{{{'l' * len(table.columns)}}}",
            r"\toprule",
            header,
            r"\midrule",
            *lines,
            r"\bottomrule",
            r"\end{tabular}}",
            r"\par\footnotesize",
            *notes,
            r"\end{table*}",
            "",
        ]
    )


def _latex_row(cells: Sequence[str]) -> str:
    return " & ".join(_latex(cell) for cell in cells) + r" \\"


def _latex(text: str) -> str:
    escaped = "".join(LATEX.get(character, character) for character in text)
    escaped = re.sub(r"`([^`]*)`", r"\\texttt{\1}", escaped)
    return re.sub(r'"([^"]*)"', r"``\1''", escaped)
