"""Make a result table: measured rows first, then the published ones, and what to know of both."""

from pathlib import Path
from typing import Any

from commonfate.errors import StoreError
from commonfate.plan import Plan
from commonfate.tables import lineage, measured, notes, published, scores
from commonfate.tables.scores import Scores
from commonfate.tables.table import METHOD, RUNTIME, SOURCE, YES_NO, Table


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
    found = {cell: scores.read(cell) for cell in plan.evaluations(name)}
    table = Table(name, declaration.title, " ".join(declaration.caption.split()))
    for row in declaration.rows:
        measured.add_row(table, plan, row, [found[cell] for cell in plan.row(name, row)])
    _check_columns(plan, list(found.values()))
    if declaration.published:
        _add_published(table, declaration.published.table, declaration.published.metric)
    table.files = lineage.follow(one.path for one in found.values())
    _add_videos(table, list(found.values()))
    table.notes = notes.write(table, plan, list(found.values()))
    return table


def _check_columns(plan: Plan, found: list[Scores]) -> None:
    columns: dict[str, Scores] = {}
    for one in found:
        scores.check_same_frames(columns.setdefault(one.planned.benchmark, one), one)


def _add_published(table: Table, name: str, metric: str) -> None:
    for label, row in published.rows(name, metric).items():
        numbers = {f"{metric} {dataset}": value for dataset, value in row.values.items()}
        numbers |= {RUNTIME: row.runtime} if row.runtime else {}
        text = {
            METHOD: label,
            SOURCE: "published",
            "RGB at inference": YES_NO[row.variant.get("inf_input_rgb", "")],
            "flow at inference": YES_NO[row.variant.get("inf_input_flow", "")],
            "input resolution": row.variant.get("input_resolution", ""),
            "flow source": row.variant.get("flow_method", ""),
            "post-processing": YES_NO[row.variant.get("crf_or_extra_postproc", "")],
        }
        cells = [
            {"column": column, "value": value.text, **published.origin(name, row, value)}
            for column, value in numbers.items()
        ]
        table.add(text, cells)


def _add_videos(table: Table, found: list[Scores]) -> None:
    """Count the videos of all manifests; list those left out of them, or of the scores."""
    left_out: dict[tuple[str, str], dict[str, Any]] = {}
    manifests = {path for path in table.files if Path(path).name == "manifest.parquet"}
    for path in sorted(manifests):
        dataset, node = Path(path).parent.name, table.files[path]
        if "problem" in node:
            raise StoreError(f"{path}: {node['problem']}; make it again with commonfate manifest")
        table.videos += len(node["listing"])
        for video in node["listing"]:
            if video["status"] != "ok":
                kept = {key: video[key] for key in ("source", "reason")}
                left_out[dataset, video["id"]] = {"dataset": dataset, "video": video["id"], **kept}
    for one in found:
        dataset = one.planned.run.dataset
        for video, reason in one.facts["left_out"].items():
            unscored = {"dataset": dataset, "video": video, "source": "", "reason": reason}
            left_out.setdefault((dataset, video), unscored)
    table.left_out = [left_out[key] for key in sorted(left_out)]
