"""The rows of a table by sequence: each sequence, then the means, ours beside the printed ones."""

import re
from collections.abc import Mapping, Sequence
from functools import partial

from commonfate.evaluation.masks import jaccard
from commonfate.plan import OF_SEQUENCES, Plan, RowDeclaration
from commonfate.published import rows as published
from commonfate.tables import comparable, parts
from commonfate.tables.comparison import Comparison
from commonfate.tables.parts import Block, Cells
from commonfate.tables.scores import Cell, Scores
from commonfate.tables.table import Table

LEADING = ("sequence", "benchmark")
AVERAGE, FRAME_AVERAGE = "Average", "Frame Avg."
PRINTED_MEANS = {"Average": AVERAGE, "Seq. Avg.": AVERAGE, "Frame Avg.": FRAME_AVERAGE}
"""Our names of the papers' means over sequences and over frames."""
PRINTED = "published"
"""In the place of a scoring: what the papers print."""


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
    columns = [_words(metric, name) for metric in metrics for name in (*declared.scorings, PRINTED)]
    table.headings = parts.headings(declared.rows, columns)
    printed = _printed(declared.rows, cited)
    blocks: dict[str, tuple[Block, Block]] = {}
    for benchmark in plan.config.tables[table.name].benchmarks:
        own = parts.of_benchmark(compared, benchmark)
        scores = own[0][1].first
        theirs = printed.pop(scores.benchmark.published_as or "", Block())
        blocks[comparable.benchmark_label(scores)] = _measured(own, metrics), theirs
    blocks |= {dataset: (Block(), block) for dataset, block in printed.items()}
    table.leading = LEADING if len(blocks) > 1 else LEADING[:1]
    for label, pair in blocks.items():
        _add_block(table, {"benchmark": label} if len(blocks) > 1 else {}, *pair)


def _words(metric: str, scoring: str) -> tuple[str, str]:
    return metric.replace("_", " "), scoring


def _measured(own: Sequence[tuple[str, Cell]], metrics: Sequence[str]) -> Block:
    """Our numbers over seeds: of each sequence, and of the means, taken of each seed first.

    Args:
        own: cells of one benchmark, each with the label of its row.
        metrics: of a sequence, e.g. `J_mean`.
    """
    block = Block()
    for label, cell in own:
        for metric in metrics:
            column = parts.column(label, *_words(metric, cell.planned.scoring))
            for name in cell.first.content["sequences"]:
                numbers = cell.numbers(partial(_of_sequence, name=name, metric=metric))
                parts.add_number(block.parts, name, column, cell, metric, numbers)
            means = {AVERAGE: cell.numbers(partial(_over_sequences, metric=metric))}
            if metric == "J_mean":
                means[FRAME_AVERAGE] = cell.numbers(_over_frames)
            for name, numbers in means.items():
                parts.add_number(block.means, name, column, cell, metric, numbers)
    return block


def _of_sequence(scores: Scores, name: str, metric: str) -> float:
    return scores.content["sequences"][name][metric]


def _over_sequences(scores: Scores, metric: str) -> float:
    return jaccard.mean([sequence[metric] for sequence in scores.content["sequences"].values()])


def _over_frames(scores: Scores) -> float:
    sequences = scores.content["sequences"].values()
    return jaccard.mean([j for sequence in sequences for j in sequence["frames"].values()])


def _printed(
    rows: Sequence[RowDeclaration], cited: Mapping[str, published.Row]
) -> dict[str, Block]:
    """The printed numbers by data set, in the columns of the first row that is alike in its CRF."""
    blocks: dict[str, Block] = {}
    for paper in cited.values():
        crf = paper.variant["crf"] == "1"
        label = next((row.label for row in rows if row.crf == crf), None)
        label = label or ("with CRF" if crf else "without CRF")
        for (metric, dataset, _), value in paper.values.items():
            block = blocks.setdefault(dataset, Block())
            mean = PRINTED_MEANS.get(paper.label)
            column = parts.column(label, *_words(metric, PRINTED))
            shared = {"column": column, "heading": label, "source": paper.source}
            cell = {**shared, **published.origin(paper, value)}
            cells = block.means if mean else block.parts
            cells.setdefault(mean or paper.label, []).append({**cell, "value": value.shown})
    return blocks


def _add_block(table: Table, benchmark: dict[str, str], own: Block, printed: Block) -> None:
    ours, theirs = ({_plain(name) for name in block.parts} for block in (own, printed))
    if ours and theirs and ours != theirs:  # means of different sequences are different things
        own.means = {f"{name} of {len(ours)} sequences": mean for name, mean in own.means.items()}
    parts.add_rows(table, _joined(own.parts, printed.parts), benchmark)
    parts.add_rows(table, _joined(own.means, printed.means), benchmark, means=True)


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
