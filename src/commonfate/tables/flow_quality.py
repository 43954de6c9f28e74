"""The table of flow sources: their errors against exact flow, and the costs of storing them.

Each source has a row for all gaps together and one for each gap.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from commonfate.base import files
from commonfate.base.errors import UserError
from commonfate.tables import provenance, render
from commonfate.tables.flow_quality_rows import (
    BACK,
    COLUMNS,
    ERRORS,
    LEADING,
    REAL,
    SHARES,
    STORING,
    read,
    rows,
)
from commonfate.tables.table import Table

TITLE = "Quality of optical flow"
CAPTION = "Flow sources against the exact flow of rendered videos, as stored."


def assemble(measured: Sequence[str], name: str, scale: str) -> Table:
    """Make the table of the measurements by `commonfate flow-quality measure`.

    Args:
        measured: paths of the JSON files; sources appear in their order.
        name: the table's name.
        scale: name of the scale, or empty.

    Raises:
        StoreError: a file is not such a measurement.
        UserError: two are of the same source on the same dataset.
    """
    table = Table(name, TITLE, CAPTION)
    documents = {path: read(path) for path in measured}
    seen: dict[tuple[str, str], str] = {}
    for path, document in documents.items():
        key = document["dataset"], document["source"]
        if key in seen:
            raise UserError(f"{path}: is of the same source and dataset as {seen[key]}; leave one")
        seen[key] = path
        for row in rows(document):
            _add(table, row, path)
    listed = {document["dataset"]: document["videos"] for document in documents.values()}
    table.videos = sum(map(len, listed.values()))
    table.left_out = [
        {
            "dataset": dataset,
            "video": video["id"],
            "source": video["source"],
            "reason": video["reason"],
        }
        for dataset, videos in listed.items()
        for video in videos
        if video["status"] != "ok"
    ]
    table.files = provenance.follow(documents)
    table.notes = list(_notes(table, list(documents.values()), scale))
    return table


def write(table: Table, settings: Mapping[str, Any], output: Path) -> None:
    """Write CSV, Markdown and provenance; the CSV comes last, so where it is, all are."""
    text = io.StringIO()
    writer = csv.DictWriter(text, _columns(table, COLUMNS), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(table.rows)
    record = provenance.document(table, settings, text.getvalue())
    files.write_json(output.with_suffix(".provenance.json"), record)
    files.write_text(output.with_suffix(".md"), to_markdown(table))
    files.write_text(output, text.getvalue())


def to_markdown(table: Table) -> str:
    """The table in parts that fit a page, with the notes."""
    parts = (
        ("End-point error", ERRORS),
        ("Share of the pixels: by true magnitude, saturated, without value", SHARES),
        ("Flow there and back", BACK),
        ("Storing", STORING),
        ("Real frames", REAL),
    )
    sections = [
        f"## {heading}\n\n{_grid(table, columns)}"
        for heading, columns in parts
        if _columns(table, columns)
    ]
    notes = "\n".join(f"- {note}" for note in table.notes)
    return "\n\n".join([f"# {table.title}", table.caption, *sections, "## Notes", notes]) + "\n"


def summary(table: Table) -> str:
    """The rows of whole sources, narrow enough for a terminal."""
    whole = [row for row in table.rows if "bytes a pair" in row]
    columns = [*LEADING[:2], "EPE", "EPE visible", "Fl-all %", *BACK[:1], STORING[0], REAL[0]]
    return render.grid(_columns(table, columns), whole)


def _grid(table: Table, columns: Sequence[str]) -> str:
    """The rows that have a text in one of the columns."""
    filled = [row for row in table.rows if any(row.get(column) for column in columns)]
    return render.grid([*LEADING, *_columns(table, columns)], filled)


def _columns(table: Table, columns: Sequence[str]) -> list[str]:
    """The columns that have a text in some row."""
    return [column for column in columns if any(row.get(column) for row in table.rows)]


def _add(table: Table, row: dict[str, str], path: str) -> None:
    kept = {column: text for column, text in row.items() if text}
    table.rows.append(kept)
    label = ", ".join((kept["dataset"], kept["flow source"], f"gap {kept['gap']}"))
    origin = {"row": label, "source": "measured", "evaluations": [path]}
    text_columns = (*LEADING, "estimator")
    table.cells += [
        {**origin, "column": column, "value": value}
        for column, value in kept.items()
        if column not in text_columns
    ]


def _notes(table: Table, documents: Sequence[Mapping[str, Any]], scale: str) -> Iterator[str]:
    if scale:
        yield f"Measured at scale {scale}."
    yield (
        "EPE: end-point error in pixels, the mean over all pixels with a value of all stored pairs."
        " Fl-all: pixels whose error is above 3 px and above 5 % of the true magnitude."
    )
    yield (
        "Hidden: pixels whose point is covered in the other frame or outside of it; the truth is "
        "known there as well. Ranges are of the true magnitude."
    )
    yield (
        "Consistent: pixels that pass the forward-backward test (Sundaram et al., ECCV 2010) with "
        "the stored flow of the opposite gap."
    )
    samples = [document["sample"]["pairs"] for document in documents if document["sample"]]
    if samples:
        yield (
            f"EPE estimated and EPE stored: {max(samples)} pairs that were estimated again, before "
            f"and after storing in steps; rounding is the largest difference of a component, at "
            f"most half a step where the estimator repeats itself exactly. Source truth is exact, "
            f"so its errors are those of storing alone."
        )
    photometric = [document["photometric"] for document in documents if document["photometric"]]
    for real in photometric[:1]:
        yield (
            f"Photometric: {real['pairs']} pairs of consecutive frames of {real['frames_of']}; "
            f"mean absolute difference in grey levels (0 to 255) between a frame and the next one "
            f"looked up along the flow, over the pixels that stay inside; unwarped: of the frames "
            f"as they are. It is no end-point error, but the only measure that real frames allow."
        )
    yield table.left_out_note()
