"""What a reader must know of a table: data, scorings, seeds, what is missing, whose numbers."""

from collections.abc import Iterator, Mapping, Sequence

from commonfate.plan import Plan
from commonfate.published import rows as published
from commonfate.tables import columns, differences, expected, measured, papers, scorings, training
from commonfate.tables.scores import Found, Scores
from commonfate.tables.table import METHOD, SOURCE, Table

NAMED = 5
"""How many of the videos that were left out are named; all of them are in the provenance."""

METRICS = {
    "MAE": "MAE: mean absolute difference of the soft foreground and the ground truth, a fraction; "
    "lower is better.",
    "mIoU": "mIoU: mean of the IoU of all classes that are in the ground truth or predicted; the "
    "pixels of all scored frames are counted together.",
}
"""Notes on metrics whose name does not say enough."""


def write(table: Table, plan: Plan, found: Found, known: Mapping[str, published.Row]) -> list[str]:
    """Write the notes of a table whose rows are complete.

    Args:
        table: with its rows, files and videos.
        plan: the configuration with the declared tables.
        found: every evaluation of the table, by declared row.
        known: its published rows, by label.
    """
    scored = [cell.first for _, cells in found for cell in cells]
    by_sequence = plan.declarations[table.name].kind == "sequences"
    notes = [
        _seeds(plan, table.name, found),
        *_flow(plan, found),
        *_benchmarks(plan, found, known, "Means are" if by_sequence else "Numbers are"),
        *training.notes(found),
        *scorings.notes(found),
        *_metrics(plan, scored),
        *expected.notes(plan, table.name, found, known),
        left_out(table),
        *filter(None, [plan.left_out(table.name)]),
    ]
    if by_sequence:
        notes += _by_sequence(plan, found)
    else:
        notes.append(
            "Measured runtime is the median over frames of network, merging and upsampling on the "
            "device named; reading is not counted."
        )
    return [
        *notes,
        *training.departures(found),
        *differences.notes(plan, table.name, found, known),
        *papers.notes(known),
    ]


def left_out(table: Table) -> str:
    """How many videos were left out, with the first of them and why."""
    count = f"{len(table.left_out)} of {table.videos} videos left out"
    named = [f"{one['dataset']}/{one['video']}: {one['reason']}" for one in table.left_out[:NAMED]]
    more = ["..."] if len(table.left_out) > NAMED else []
    return f"{count} ({'; '.join(named + more)})." if named else f"{count}."


def _seeds(plan: Plan, table: str, found: Found) -> str:
    """Scale and seeds, with what deviations are."""
    start = f"Measured at scale {plan.config.scale}"
    if not any(cell.seeds for _, cells in found for cell in cells):
        return f"{start}; nothing here is trained, so no number has a deviation."
    seeds = plan.config.seeds_of(table)
    if len(seeds) == 1:
        return (
            f"{start}, one seed: {seeds[0]}. How much another seed would change is not measured, "
            f"so no difference of what is trained is decided."
        )
    return (
        f"{start}, seeds {', '.join(map(str, seeds))}: mean ± sample standard deviation (n - 1 in "
        f"its denominator), and the number of seeds in brackets. What is not trained has one run "
        f"and no deviation."
    )


def _flow(plan: Plan, found: Found) -> Iterator[str]:
    """A note on each flow source, with the networks of the papers that it stands for."""
    roles: dict[str, dict[str, None]] = {}
    for row, chosen in found:
        source = chosen[0].planned.run.flow
        if source is not None:
            roles.setdefault(source, {})
            if row.flow not in (None, source):
                roles[source][row.flow] = None
    for name, played in roles.items():
        source = plan.config.flow.sources[name]
        weights = f" with weights {source.weights}" if source.weights else ""
        stands = f"; it stands for {' and '.join(played)} at this scale" if played else ""
        yield f"Flow source {name}: estimator {source.estimator}{weights}{stands}."


def _benchmarks(
    plan: Plan, found: Found, known: Mapping[str, published.Row], what: str
) -> Iterator[str]:
    """A note on the data of each benchmark, and on what its numbers may be compared with."""
    scored = {cell.planned.benchmark: cell.first for _, cells in found for cell in cells}
    for name, one in scored.items():
        benchmark = plan.config.benchmarks[name]
        reasons = _incomparable(plan, one, known)
        apart = f" {what} not comparable with {reasons}." if reasons else ""
        yield (
            f"{columns.benchmark_label(plan, one)}: {columns.size(one)} of data set "
            f"{benchmark.dataset}, split {benchmark.split}{training.of_benchmark(found, name)}."
            f"{apart}"
        )


def _incomparable(plan: Plan, one: Scores, known: Mapping[str, published.Row]) -> str:
    """Which published numbers scores may not be compared with, and why not."""
    papers = dict.fromkeys(row.paper for row in known.values() if row.paper not in published.CODE)
    reasons = columns.incomparable_by_paper(plan, one, papers)
    told = {paper: reason for paper, reason in reasons.items() if reason}
    if len(told) == len(reasons):
        return f"published ones: {'; '.join(dict.fromkeys(told.values()))}"
    # Without published rows it is enough that one paper scores the same data.
    return "; ".join(f"those of {paper}: {reason}" for paper, reason in told.items() if known)


def _metrics(plan: Plan, found: Sequence[Scores]) -> Iterator[str]:
    """What must be known of some metrics."""
    benchmarks = dict.fromkeys(one.planned.benchmark for one in found)
    shown = {metric for name in benchmarks for metric in plan.config.benchmarks[name].metrics}
    yield from (text for metric, text in METRICS.items() if metric in shown)


def _by_sequence(plan: Plan, found: Found) -> Iterator[str]:
    """What the columns and the means of a table by sequence are."""
    for row, chosen in found:
        told = measured.describe(plan, row, chosen)
        facts = [
            f"{key} {text}"
            for key, text in told.items()
            if text != "none" and key not in (METHOD, SOURCE)
        ]
        yield f"Columns {row.label}: {', '.join(facts)}."
    yield (
        "J recall: share of frames with J above 0.5. J decay: J of the first quarter of a sequence "
        "minus that of the last. Average is over sequences, Frame Avg. over all scored frames."
    )
