"""What a reader must know of a table: data, protocols, seeds, what is missing, whose numbers."""

from collections.abc import Iterator

from commonfate.evaluation import foreground, protocols
from commonfate.plan import Plan
from commonfate.settings import to_pairs
from commonfate.tables import measured, published
from commonfate.tables.scores import Scores
from commonfate.tables.table import Table

NAMED = 5
"""How many of the videos that were left out are named; all of them are in the provenance."""


def write(table: Table, plan: Plan, found: list[Scores]) -> list[str]:
    """Write the notes of a table whose rows are complete.

    Args:
        table: with its rows, files and videos.
        plan: the configuration with the declared tables.
        found: every evaluation of the table.
    """
    config, declaration = plan.config, plan.declarations[table.name]
    flow = config.tables[table.name].flow
    source = config.flow.sources[flow]
    weights = f" with weights {source.weights}" if source.weights else ""
    notes = [
        f"Measured at scale {config.scale}, seed {config.seed}; flow source {flow} (estimator "
        f"{source.estimator}{weights}).",
        *_benchmarks(plan, found),
        *(f"{name}: {foreground.get(name).description}" for name in declaration.foregrounds),
        left_out(table),
        "Measured runtime is the median over frames of network, merging and upsampling on the "
        "device named; reading is not counted.",
    ]
    notes += _departures(plan, table.name)
    if any(column.endswith(measured.DIFFERENCE) for column in table.columns):
        notes.append("A difference is measured minus published, in points of the printed digits.")
    if declaration.published:
        notes += _published(declaration.published.table, declaration.published.metric)
    return notes


def left_out(table: Table) -> str:
    """How many videos were left out, with the first of them and why."""
    count = f"{len(table.left_out)} of {table.videos} videos left out"
    named = [f"{one['dataset']}/{one['video']}: {one['reason']}" for one in table.left_out[:NAMED]]
    more = ["..."] if len(table.left_out) > NAMED else []
    return f"{count} ({'; '.join(named + more)})." if named else f"{count}."


def _benchmarks(plan: Plan, found: list[Scores]) -> Iterator[str]:
    """A note on the data and the protocol of each benchmark."""
    for one in {one.planned.benchmark: one for one in found}.values():
        benchmark = plan.config.benchmarks[one.planned.benchmark]
        learnt = {"all": "all videos"}.get(benchmark.train_split, f"split {benchmark.train_split}")
        protocol = protocols.get(benchmark.protocol)
        reason = measured.incomparable(plan, one)
        apart = f" Not comparable with published numbers: {reason}." if reason else ""
        yield (
            f"{measured.benchmark_label(plan, one)}: {len(one.facts['sequences'])} sequences, "
            f"{one.facts['n_frames']} frames of data set {benchmark.dataset}, split "
            f"{benchmark.split}; trained methods learn from {learnt}, without ground truth. "
            f"Protocol {protocol.name}: {protocol.description}{apart}"
        )


def _departures(plan: Plan, table: str) -> Iterator[str]:
    """What each run does otherwise than its paper: the defaults of settings are the paper's."""
    for run in {one.run.slug: one.run for one in plan.evaluations(table)}.values():
        if not run.settings.trained:
            continue
        as_printed = set(to_pairs(type(run.settings)()))
        changed = [pair for pair in to_pairs(run.settings) if pair not in as_printed]
        if changed:
            yield f"{run.slug} differs from the paper in {', '.join(changed)}."


def _published(name: str, metric: str) -> Iterator[str]:
    rows = published.rows(name, metric)
    first = next(iter(rows.values()))
    yield (
        f"Published rows: {published.PAPERS[first.paper]}, Table {first.table}; digits as "
        f"printed, runtimes there headed `sec`."
    )
    for label, row in rows.items():
        if row.remarks:
            yield f"Published {label}: {'; '.join(row.remarks)}."
