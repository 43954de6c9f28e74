"""The rows of a table by sequence: each sequence, then the means, ours beside the printed ones."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from commonfate.evaluation.masks import jaccard
from commonfate.plan import OF_SEQUENCES, Plan, RowDeclaration
from commonfate.published import rows as published
from commonfate.tables import comparable
from commonfate.tables import rows as table_rows
from commonfate.tables.comparison import Comparison
from commonfate.tables.scores import Cell, Scores
from commonfate.tables.table import AVERAGE, FRAME_AVERAGE, MEASURED, Table

LEADING = ("sequence", "benchmark")
PRINTED_MEANS = {"Average": AVERAGE, "Seq. Avg.": AVERAGE, "Frame Avg.": FRAME_AVERAGE}
"""Our names of the papers' means over sequences and over frames."""

Cells = dict[str, list[dict[str, Any]]]
"""Cells of numbers, by the name of their row."""


@dataclass
class Part:
    """Our numbers of a benchmark, or the printed ones."""

    sequences: Cells = field(default_factory=dict)
    means: Cells = field(default_factory=dict)


def add_rows(
    table: Table,
    plan: Plan,
    compared: Sequence[Comparison],
    cited: Mapping[str, published.Row],
) -> None:
    """Add the rows of all sequences, also of those that only one side has.

    Args:
        table: gets the rows; a benchmark is a block of sequences and a block of means.
        plan: the configuration with the declared tables.
        compared: the measured rows, which become groups of columns here.
        cited: the published rows by label; the variant `crf` is 1 or 0.
    """
    declared = plan.declarations[table.name]
    metrics = declared.published.metrics if declared.published else OF_SEQUENCES
    table.headings = _headings(declared.rows, declared.scorings, metrics)
    printed = _printed(declared.rows, cited)
    blocks: dict[str, tuple[Part, Part]] = {}
    for benchmark in plan.config.tables[table.name].benchmarks:
        own = [
            (row.label, cell)
            for row in compared
            for cell in row.cells
            if cell.planned.benchmark == benchmark
        ]
        scores = own[0][1].first
        theirs = printed.pop(scores.benchmark.published_as or "", Part())
        blocks[comparable.benchmark_label(scores)] = _measured(own, metrics), theirs
    blocks |= {dataset: (Part(), part) for dataset, part in printed.items()}
    table.leading = LEADING if len(blocks) > 1 else LEADING[:1]
    for label, parts in blocks.items():
        _add_block(table, {"benchmark": label} if len(blocks) > 1 else {}, *parts)


def _headings(
    rows: Sequence[RowDeclaration], scorings: Sequence[str], metrics: Sequence[str]
) -> dict[str, str]:
    """The declared row of each column, columns in their order."""
    return {
        _column(row.label, metric, scoring): row.label
        for row in rows
        for metric in metrics
        for scoring in (*scorings, "published")
    }


def _column(label: str, metric: str, scoring: str) -> str:
    return f"{label}: {metric.replace('_', ' ')} {scoring}"


def _measured(own: Sequence[tuple[str, Cell]], metrics: Sequence[str]) -> Part:
    """Our numbers over seeds: of each sequence, and of the means, taken of each seed first.

    Args:
        own: cells of one benchmark, each with the label of its row.
        metrics: of a sequence, e.g. `J_mean`.
    """
    part = Part()
    for label, cell in own:
        for metric in metrics:
            column = _column(label, metric, cell.planned.scoring)
            shared = {"column": column, "source": MEASURED, **table_rows.origin([cell])}
            sequences = {
                name: partial(_of_sequence, name=name, metric=metric)
                for name in cell.first.content["sequences"]
            }
            means: dict[str, Callable[[Scores], float]] = {
                AVERAGE: partial(_over_sequences, metric=metric)
            }
            if metric == "J_mean":
                means[FRAME_AVERAGE] = _over_frames
            for cells, readers in ((part.sequences, sequences), (part.means, means)):
                for name, read in readers.items():
                    if (numbers := cell.numbers(read)) is not None:
                        value = table_rows.with_seeds(cell, metric, numbers)
                        cells.setdefault(name, []).append({**shared, **value})
    return part


def _of_sequence(scores: Scores, name: str, metric: str) -> float:
    return scores.content["sequences"][name][metric]


def _over_sequences(scores: Scores, metric: str) -> float:
    return jaccard.mean([sequence[metric] for sequence in scores.content["sequences"].values()])


def _over_frames(scores: Scores) -> float:
    sequences = scores.content["sequences"].values()
    return jaccard.mean([j for sequence in sequences for j in sequence["frames"].values()])


def _printed(rows: Sequence[RowDeclaration], cited: Mapping[str, published.Row]) -> dict[str, Part]:
    """The printed numbers by data set, in the columns of the first row that is alike in its CRF."""
    parts: dict[str, Part] = {}
    for paper in cited.values():
        crf = paper.variant["crf"] == "1"
        label = next((row.label for row in rows if row.crf == crf), None)
        label = label or ("with CRF" if crf else "without CRF")
        for (metric, dataset, _), value in paper.values.items():
            part = parts.setdefault(dataset, Part())
            mean = PRINTED_MEANS.get(paper.label)
            column = {"column": _column(label, metric, "published"), "heading": label}
            cell = {**column, "source": paper.source, **published.origin(paper, value)}
            cells = part.means if mean else part.sequences
            cells.setdefault(mean or paper.label, []).append({**cell, "value": value.shown})
    return parts


def _add_block(table: Table, benchmark: dict[str, str], own: Part, printed: Part) -> None:
    ours, theirs = ({_plain(name) for name in part.sequences} for part in (own, printed))
    if ours and theirs and ours != theirs:  # means of different sequences are different things
        own.means = {f"{name} of {len(ours)} sequences": mean for name, mean in own.means.items()}
    for mine, other in ((own.sequences, printed.sequences), (own.means, printed.means)):
        table.breaks.append(len(table.rows))
        for name, cells in _joined(mine, other).items():
            table.add({LEADING[0]: name, **benchmark}, cells)


def _joined(own: Cells, printed: Cells) -> Cells:
    """Rows of both, matched by name; ours keep our name and come first."""
    names = {_plain(name): name for name in own}
    joined = dict(own)
    for name, cells in printed.items():
        same = names.get(_plain(name), name)
        joined[same] = joined.get(same, []) + cells
    return joined


def _plain(name: str) -> str:
    """A name as it is matched: `bird of paradise` is `bird_of_paradise`."""
    return re.sub(r"[^a-z0-9]", "", name.lower())
