"""Make a result table: measured rows first, then the published ones, and what to know of both."""

from pathlib import Path
from typing import Any

from commonfate.base.errors import StoreError
from commonfate.plan import Plan
from commonfate.published import rows as published
from commonfate.tables import lineage, measured, notes, papers, scores, sequences
from commonfate.tables.scores import Scores
from commonfate.tables.table import Table


def assemble(plan: Plan, name: str) -> Table:
    """Make a table from the evaluations on disk.

    Args:
        plan: the configuration with the declared tables.
        name: which table.

    Raises:
        UserError: an evaluation is missing or damaged, or was not scored on the same frames as
            another one in its column.
    """
    declaration = plan.declarations[name]
    read = {planned: scores.read(planned) for planned in plan.evaluations(name)}
    scored = list(read.values())
    _check_columns(scored)
    found = [
        (row, scores.by_cell(read[planned] for planned in plan.row(name, row)))
        for row in declaration.rows
    ]
    source = declaration.published
    known = published.rows(source.tables, source.metrics) if source else {}
    table = Table(name, declaration.title, " ".join(declaration.caption.split()))
    if declaration.kind == "sequences":
        sequences.add_rows(table, plan, found, known)
    else:
        for row, chosen in found:
            measured.add_row(table, plan, row, chosen, known)
        table.breaks.append(len(table.rows))
        papers.add_rows(table, known)
    table.files = lineage.follow(one.path for one in scored)
    _add_videos(table, plan, scored)
    table.notes = notes.write(table, plan, found, known)
    return table


def _check_columns(found: list[Scores]) -> None:
    columns: dict[tuple[str, str], Scores] = {}
    for one in found:
        key = one.planned.benchmark, one.planned.protocol
        scores.check_same_frames(columns.setdefault(key, one), one)


def _add_videos(table: Table, plan: Plan, found: list[Scores]) -> None:
    """Count the videos of all manifests; list those left out of them, or of the scores."""
    left_out: dict[tuple[str, str], dict[str, Any]] = {}
    for path, node in sorted(table.files.items()):
        if "problem" in node and Path(path).name == "manifest.parquet":
            raise StoreError(f"{path}: {node['problem']}; make it again with commonfate manifest")
        if node.get("verb") != "manifest":
            continue
        dataset = node["settings"]["dataset"]
        table.videos += len(node["listing"])
        for video in node["listing"]:
            if video["status"] != "ok":
                kept = {key: video[key] for key in ("source", "reason")}
                left_out[dataset, video["id"]] = {"dataset": dataset, "video": video["id"], **kept}
    for one in found:
        dataset = plan.config.benchmarks[one.planned.benchmark].dataset
        for video, reason in one.facts["left_out"].items():
            unscored = {"dataset": dataset, "video": video, "source": "", "reason": reason}
            left_out.setdefault((dataset, video), unscored)
    table.left_out = [left_out[key] for key in sorted(left_out)]
