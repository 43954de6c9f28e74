"""The published rows of a comparison of methods, and what to know of them."""

from collections.abc import Iterator, Mapping

from commonfate.published import rows as published
from commonfate.tables.table import METHOD, RUNTIME, SOURCE, Table

FLAGS = {"1": "yes", "0": "no"}
ADDED = {"0": "none"}
"""What was not added is `none`, so that a column with nothing else in it can be left out."""
COLUMNS: dict[str, tuple[str, Mapping[str, str]]] = {
    "K": ("K", {}),
    "flow_model": ("flow model", {}),
    "inf_input_rgb": ("RGB at inference", FLAGS),
    "inf_input_flow": ("flow at inference", FLAGS),
    "input_resolution": ("input resolution", {}),
    "flow_method": ("flow source", {}),
    "features": ("features", {}),
    "tta_steps": ("adaptation", ADDED),
    "crf": ("post-processing", {**ADDED, "1": "CRF"}),
    "crf_or_extra_postproc": ("post-processing", {**ADDED, "1": "CRF or more"}),
    "supervision": ("supervision", {}),
}
"""By column of the CSVs: our column, and what texts there are called here."""


def add_rows(table: Table, rows: Mapping[str, published.Row]) -> None:
    """Add rows that papers, or the programs of their authors, print.

    Args:
        table: gets the rows.
        rows: by label, see `published.rows`.
    """
    for label, row in rows.items():
        cells = [
            {"column": f"{metric} {dataset}", "heading": dataset, **_cell(row, value)}
            for (metric, dataset), value in row.values.items()
        ]
        if row.runtime:
            cells.append({"column": RUNTIME, **_cell(row, row.runtime)})
        table.add({METHOD: label, SOURCE: row.source, **_text(row)}, cells)


def notes(rows: Mapping[str, published.Row]) -> Iterator[str]:
    """Say where the rows come from, and what was noted when they were copied."""
    for paper, place in dict.fromkeys((row.paper, row.place) for row in rows.values()):
        of_place = [row for row in rows.values() if (row.paper, row.place) == (paper, place)]
        timed = ", runtimes there headed `sec`" if any(row.runtime for row in of_place) else ""
        yield f"Rows `{of_place[0].source}`: {published.PAPERS[paper]}, {place}; as printed{timed}."
    remarked: dict[str, list[str]] = {}
    for label, row in rows.items():
        remarked.setdefault("; ".join(row.remarks), []).append(label)
    for remark, labels in remarked.items():
        if remark:
            yield f"Published {', '.join(labels)}: {remark}."


def _text(row: published.Row) -> dict[str, str]:
    """What the row is, as far as its table says so."""
    told = {
        column: words.get(row.variant[key], row.variant[key])
        for key, (column, words) in COLUMNS.items()
        if row.variant.get(key)
    }
    if told.get("adaptation", "none") != "none":
        told["adaptation"] += " steps"
    network = [row.variant.get(key, "") for key in ("backbone", "backbone_pretraining")]
    told |= {"network": ", ".join(network)} if all(network) else {}
    data, augmentation = (row.variant.get(key) for key in ("pretraining_data", "augmentation"))
    return told | ({"pre-training": f"{data}, {augmentation} augmentation"} if data else {})


def _cell(row: published.Row, value: published.Value) -> dict[str, str]:
    return {"value": value.text, **published.origin(row, value)}
