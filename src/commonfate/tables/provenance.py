"""Where every number of a table comes from, as JSON."""

import hashlib
from collections.abc import Mapping
from typing import Any

from commonfate.base import provenance
from commonfate.tables.table import MEASURED, Table


def document(table: Table, settings: Mapping[str, Any], csv_text: str) -> dict[str, Any]:
    """Describe a table for `commonfate explain` and for the record.

    Args:
        table: the table.
        settings: the part of the configuration that it depends on.
        csv_text: its CSV, whose hash tells later whether somebody has edited it.

    Returns:
        `cells`: every number with its row, column and origin (evaluations and runs, or the paper's
        table); `files`: the record of every file that a measured number depends on, with the
        hashes of its inputs; `left_out`: the videos that were left out, and why.
    """
    measured = [cell for cell in table.cells if cell["source"] == MEASURED]
    evaluations = dict.fromkeys(path for cell in measured for path in cell["evaluations"])
    record = provenance.record("table", {"table": table.name, **settings}, evaluations)
    hashes = record["inputs"]
    cells = [
        {**cell, "evaluations": {path: hashes[path] for path in cell["evaluations"]}}
        if cell["source"] == MEASURED
        else cell
        for cell in table.cells
    ]
    return {
        "table": table.name,
        "title": table.title,
        "csv_sha256": hashlib.sha256(csv_text.encode()).hexdigest(),
        "notes": table.notes,
        "cells": cells,
        "left_out": {"count": len(table.left_out), "of": table.videos, "videos": table.left_out},
        "files": table.files,
        "provenance": record,
    }
