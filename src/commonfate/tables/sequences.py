"""The rows of a table by sequence: each sequence, then the means, ours beside the printed ones."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from commonfate.evaluation.masks import statistics
from commonfate.plan import OF_SEQUENCES, Plan, RowDeclaration
from commonfate.published import rows as published
from commonfate.tables import columns, measured
from commonfate.tables.scores import Cell, Found, Scores
from commonfate.tables.table import MEASURED, Table

LEADING = ("sequence", "benchmark")
AVERAGE, FRAME_AVERAGE = "Average", "Frame Avg."
PRINTED_MEANS = {"Average": AVERAGE, "Seq. Avg.": AVERAGE, "Frame Avg.": FRAME_AVERAGE}
"""What the papers call the mean over sequences and that over frames, and what we do."""

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
    found: Found,
    known: Mapping[str, published.Row],
) -> None:
    """Add the rows of all sequences, those that only one side has as well.

    Args:
        table: gets the rows; a benchmark is a block of sequences and a block of means.
        plan: where the scores were asked for.
        found: the declared rows, which become groups of columns here, with their scores.
        known: the published rows by label; the CSV says of each whether it is with a CRF.
    """
    declared = plan.declarations[table.name]
    metrics = declared.published.metrics if declared.published else OF_SEQUENCES
    table.headings = _headings(declared.rows, declared.scorings, metrics)
    printed = _printed(declared.rows, known)
    blocks: dict[str, tuple[Part, Part]] = {}
    for benchmark in plan.config.tables[table.name].benchmarks:
        own = [
            (row, one) for row, ones in found for one in ones if one.planned.benchmark == benchmark
        ]
        dataset = columns.published_as(plan, own[0][1].first) or ""
        label = columns.benchmark_label(plan, own[0][1].first)
        blocks[label] = _measured(own, metrics), printed.pop(dataset, Part())
    blocks |= {dataset: (Part(), part) for dataset, part in printed.items()}
    table.leading = LEADING if len(blocks) > 1 else LEADING[:1]
    for label, parts in blocks.items():
        _add_block(table, {"benchmark": label} if len(blocks) > 1 else {}, *parts)


def _headings(
    rows: Sequence[RowDeclaration], scorings: Sequence[str], metrics: Sequence[str]
) -> dict[str, str]:
    """The declared row that a column belongs to, columns in their order."""
    return {
        _column(row.label, metric, which): row.label
        for row in rows
        for metric in metrics
        for which in (*scorings, "published")
    }


def _column(label: str, metric: str, which: str) -> str:
    return f"{label}: {metric.replace('_', ' ')} {which}"


def _measured(own: Sequence[tuple[RowDeclaration, Cell]], metrics: Sequence[str]) -> Part:
    """Our numbers: those of a sequence over seeds, and those of each seed's means."""
    part = Part()
    for row, one in own:
        for metric in metrics:
            column = _column(row.label, metric, one.planned.scoring)
            cell = {"column": column, "source": MEASURED, **measured.origin([one])}
            sequences = {
                name: partial(_of_sequence, name=name, metric=metric)
                for name in one.first.facts["sequences"]
            }
            means = {AVERAGE: partial(_over_sequences, metric=metric)}
            if metric == "J_mean":
                means[FRAME_AVERAGE] = _over_frames
            for cells, numbers in ((part.sequences, sequences), (part.means, means)):
                for name, read in numbers.items():
                    if (of_seeds := one.numbers(read)) is not None:
                        value = measured.with_seeds(one, metric, of_seeds)
                        cells.setdefault(name, []).append({**cell, **value})
    return part


def _of_sequence(scores: Scores, name: str, metric: str) -> float:
    return scores.facts["sequences"][name][metric]


def _over_sequences(scores: Scores, metric: str) -> float:
    return statistics.mean([facts[metric] for facts in scores.facts["sequences"].values()])


def _over_frames(scores: Scores) -> float:
    sequences = scores.facts["sequences"].values()
    return statistics.mean([j for facts in sequences for j in facts["frames"].values()])


def _printed(rows: Sequence[RowDeclaration], known: Mapping[str, published.Row]) -> dict[str, Part]:
    """The printed numbers by data set, beside the first declared row that is with a CRF, or not."""
    parts: dict[str, Part] = {}
    for paper in known.values():
        crf = paper.variant["crf"] == "1"
        beside = next(
            (row.label for row in rows if row.crf == crf), ("without", "with")[crf] + " CRF"
        )
        for (metric, dataset), value in paper.values.items():
            part = parts.setdefault(dataset, Part())
            mean = PRINTED_MEANS.get(paper.label)
            column = {"column": _column(beside, metric, "published"), "heading": beside}
            cell = {**column, "source": paper.source, **published.origin(paper, value)}
            cells = part.means if mean else part.sequences
            cells.setdefault(mean or paper.label, []).append({**cell, "value": value.text})
    return parts


def _add_block(table: Table, benchmark: dict[str, str], own: Part, printed: Part) -> None:
    ours, theirs = ({_plain(name) for name in part.sequences} for part in (own, printed))
    if ours and theirs and ours != theirs:  # means of different sequences are different things
        own.means = {f"{name} of {len(ours)} sequences": one for name, one in own.means.items()}
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
