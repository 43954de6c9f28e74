"""The three forms of a table hold the same texts."""

import csv
import io
import re

from commonfate.tables import render
from commonfate.tables.table import METHOD, RUNTIME, SOURCE, Table, sections


def _table() -> Table:
    table = Table("small", "A & B", "Of 100% <made up> numbers in `a_b`.")
    table.add(
        {METHOD: 'K-means, "fast" | $2', SOURCE: "measured"}, [{"column": "J a_b", "value": "61.0"}]
    )
    table.add({METHOD: "Ours #1", SOURCE: "published"}, [{"column": "J DAVIS", "value": "78.30"}])
    table.breaks = [1]
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


def _wide(headings: dict[str, list[str]], measured: str) -> Table:
    """A measured and a published row; one of the headings is measured, the others are printed."""
    table = Table("wide", "Wide", "Many columns.")
    cells = {
        heading: [{"column": column, "heading": heading, "value": "1.0"} for column in columns]
        for heading, columns in headings.items()
    }
    ours = cells.pop(measured)
    runtime = {"column": RUNTIME, "value": "0.5"}
    table.add({METHOD: "a", SOURCE: "measured", "seed": "0"}, [*ours, runtime])
    table.add({METHOD: "b", SOURCE: "published"}, [cell for row in cells.values() for cell in row])
    return table


def test_a_table_of_many_describing_columns_has_its_scores_together() -> None:
    table = _wide({"x": ["J x"], "Y": ["J Y"]}, "x")
    for row in table.rows:
        row |= {column: "1" for column in table.leading if column not in row}
    parts = sections(table)
    assert [part.heading for part in parts] == ["Scores", "Rows"]
    assert parts[0].columns == [METHOD, SOURCE, "J x", "J Y", RUNTIME]
    assert parts[1].columns == [c for c in table.leading if c != RUNTIME]
    assert render.to_markdown(table).count("## ") == 3  # and the notes


def test_many_scores_are_split_by_what_they_belong_to() -> None:
    columns = {heading: [f"{m} {heading}" for m in "abcd"] for heading in ("x", "P", "Q", "R")}
    table = _wide(columns, "x")
    parts = sections(table)
    # Where nothing is measured, headings share a section as long as they fit a page.
    assert [part.heading for part in parts] == ["x", "P, Q", "R", "Rows"]
    assert parts[0].columns == [METHOD, SOURCE, *columns["x"]]
    assert [part.rows for part in parts] == [[0], [1], [1], [0]]
    text = render.to_latex(table)
    assert text.count(r"\begin{tabular}") == 4
    assert r"\textbf{P, Q}" in text


def test_columns_of_a_heading_stand_together_in_every_form() -> None:
    table = Table("t", "T", "c")
    for method, heading in (("a", "x"), ("b", "y"), ("c", "x")):
        cell = {"column": f"J {method}", "heading": heading, "value": "1"}
        table.add({METHOD: method, SOURCE: "measured"}, [cell])
    assert table.scores == ["J a", "J c", "J b"]
