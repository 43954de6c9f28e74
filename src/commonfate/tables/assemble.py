"""Assemble a result table: measured rows first, then the published ones, and the notes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from commonfate.base.errors import StoreError
from commonfate.plan import Plan
from commonfate.published import rows as published
from commonfate.tables import classes, comparison, notes, provenance, rows, scores, sequences
from commonfate.tables.scores import Scores
from commonfate.tables.table import Table


def assemble(plan: Plan, name: str) -> Table:
    """Make a table of the evaluations on disk.

    Args:
        plan: the configuration with the declared tables.
        name: of the table.

    Raises:
        UserError: an evaluation is missing or damaged, or was not scored on the same frames as
            another one in its column.
    """
    declaration, benchmarks = plan.declarations[name], plan.config.benchmarks
    read = {
        planned: scores.read(planned, benchmarks[planned.benchmark])
        for planned in plan.evaluations(name)
    }
    _check_columns(list(read.values()))
    source = declaration.published
    cited = published.rows(source.tables, source.metrics) if source else {}
    compared = []
    for row in declaration.rows:
        cells = scores.by_cell(read[planned] for planned in plan.row(name, row))
        compared.append(comparison.compare(plan, name, row, cells, cited))
    table = Table(name, declaration.title, " ".join(declaration.caption.split()))
    if declaration.kind == "sequences":
        sequences.add_rows(table, plan, compared, cited)
    elif declaration.kind == "classes":
        classes.add_rows(table, plan, compared)
    else:
        for each in compared:
            rows.add_measured(table, plan, each, cited)
        table.breaks.append(len(table.rows))
        rows.add_published(table, cited)
    table.files = provenance.follow(evaluation.path for evaluation in read.values())
    _add_videos(table, list(read.values()))
    table.notes = notes.write(table, plan, compared, cited)
    return table


def _check_columns(evaluations: Sequence[Scores]) -> None:
    columns: dict[tuple[str, str], Scores] = {}
    for evaluation in evaluations:
        key = evaluation.planned.column, evaluation.planned.protocol
        scores.check_same_frames(columns.setdefault(key, evaluation), evaluation)


def _add_videos(table: Table, evaluations: Sequence[Scores]) -> None:
    """Count the videos of all manifests; list those that manifests or scores leave out."""
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
                reason = {key: video[key] for key in ("source", "reason")}
                left_out[dataset, video["id"]] = {
                    "dataset": dataset,
                    "video": video["id"],
                    **reason,
                }
    for evaluation in evaluations:
        dataset = evaluation.benchmark.dataset
        for video, reason in evaluation.content["left_out"].items():
            unscored = {"dataset": dataset, "video": video, "source": "", "reason": reason}
            left_out.setdefault((dataset, video), unscored)
    table.left_out = [left_out[key] for key in sorted(left_out)]
