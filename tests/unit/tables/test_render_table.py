"""The three forms of a table hold the same texts."""

import csv
import io
import re

from commonfate.tables import render
from commonfate.tables.table import METHOD, SOURCE, Table


def _table() -> Table:
    table = Table("small", "A & B", "Of 100% <made up> numbers in `a_b`.")
    table.add(
        {METHOD: 'K-means, "fast" | $2', SOURCE: "measured"}, [{"column": "J a_b", "value": "61.0"}]
    )
    table.add({METHOD: "Ours #1", SOURCE: "published"}, [{"column": "J DAVIS", "value": "78.30"}])
    table.notes = ["a_b is 50% of `x_y`."]
    return table


def test_csv_keeps_every_text_as_it_is() -> None:
    rows = list(csv.DictReader(io.StringIO(render.to_csv(_table()))))
    assert [row[METHOD] for row in rows] == ['K-means, "fast" | $2', "Ours #1"]
    assert [row["J a_b"] for row in rows] == ["61.0", ""]
    assert [row["J DAVIS"] for row in rows] == ["", "78.30"]


def test_markdown_has_title_caption_rows_and_notes() -> None:
    lines = render.to_markdown(_table()).splitlines()
    assert lines[0] == "# A & B"
    assert lines[2] == r"Of 100% \<made up> numbers in `a_b`."
    assert lines[-1] == "- a_b is 50% of `x_y`."
    cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", lines[6])]
    assert cells[1] == r'K-means, "fast" \| $2'
    assert "61.0" in cells


def test_latex_is_escaped_and_rules_published_rows_off() -> None:
    text = render.to_latex(_table())
    assert r"K-means, ``fast'' | \$2 & measured" in text
    assert r"\caption{A \& B. Of 100\% \textless{}made up\textgreater{} numbers in " in text
    assert r"\texttt{a\_b}.}" in text
    lines = text.splitlines()
    first, second = (
        next(number for number, line in enumerate(lines) if line.startswith(start))
        for start in ("K-means", r"Ours \#1")
    )
    assert lines[first - 1] == lines[second - 1] == r"\midrule"


def test_latex_rows_have_as_many_cells_as_columns() -> None:
    table = _table()
    rows = [line for line in render.to_latex(table).splitlines() if line.endswith(r" \\")]
    assert len(rows) == 3
    columns = len(table.columns)
    assert all(len(re.findall(r"(?<!\\)&", row)) == columns - 1 for row in rows)
    assert rf"\begin{{tabular}}{{{'l' * columns}}}" in render.to_latex(table)


def test_numbers_are_the_same_in_all_three() -> None:
    table = _table()
    for text in (render.to_csv(table), render.to_markdown(table), render.to_latex(table)):
        assert re.findall(r"\b\d\d\.\d+\b", text) == ["61.0", "78.30"]
