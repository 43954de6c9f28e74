"""The notes of a table: scale, seeds, data, scorings, directions, what is missing.

Every note is a template filled with results of `comparison`; rows that agree share a note.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from commonfate.base.text import counted
from commonfate.evaluation import kinds
from commonfate.evaluation.features.benchmarks import FeatureBenchmark
from commonfate.evaluation.kinds import EvaluationKind, PredictionKind
from commonfate.plan import Plan, Run
from commonfate.published import rows as published
from commonfate.samples.kinds import KINDS
from commonfate.tables import (
    classes,
    comparable,
    expected,
    feature_notes,
    paper_notes,
    rows,
    seed_notes,
)
from commonfate.tables.comparison import Comparison
from commonfate.tables.grouping import grouped
from commonfate.tables.scores import Cell, Scores
from commonfate.tables.stand_ins import encoders
from commonfate.tables.table import METHOD, SOURCE, Table
from commonfate.tables.table import RUNTIME as RUNTIME_COLUMN

RUNTIME = (
    "Measured runtime is the median over frames of network, merging and upsampling on the device "
    "named; reading is not counted."
)
BY_SEQUENCE = (
    "J recall: share of frames with J above 0.5. J decay: J of the first quarter of a sequence "
    "minus that of the last. Average is over sequences, Frame Avg. over all scored frames."
)
SEES_NONE = "; sees no ground truth."


def write(
    table: Table,
    plan: Plan,
    compared: Sequence[Comparison],
    cited: Mapping[str, published.Row],
) -> list[str]:
    """Write the notes of a table whose rows are complete.

    Args:
        table: with its rows, files and videos.
        plan: the configuration with the declared tables.
        compared: the measured rows, compared with their papers.
        cited: the published rows, by label.
    """
    kind = plan.declarations[table.name].kind
    numbers = "Means are" if kind == "sequences" else "Numbers are"
    features = [pair for pair in _cells(compared) if feature_notes.are_features(pair[1])]
    timed = RUNTIME if RUNTIME_COLUMN in table.measured_columns else None
    return [
        *seed_notes.write(plan, table.name, compared),
        *_flow(plan, compared),
        *_data_of_benchmarks(compared, cited, numbers),
        *_starts(compared),
        *encoders(compared),
        *_adaptation(compared),
        *_scorings(compared),
        *feature_notes.write(features),
        *_metrics(compared),
        *expected.notes(plan, table.name, compared, cited),
        table.left_out_note(),
        *filter(None, [plan.left_out(table.name)]),
        *(filter(None, [timed]) if kind == "comparison" else _columns(plan, compared)),
        *([BY_SEQUENCE] if kind == "sequences" else []),
        *(classes.notes(plan, compared) if kind == "classes" else []),
        *paper_notes.settings(compared),
        *paper_notes.differences(compared),
        *paper_notes.sources(cited),
    ]


def _cells(compared: Iterable[Comparison]) -> list[tuple[str, Cell]]:
    """Cells of all rows, each with the row's label."""
    return [(row.label, cell) for row in compared for cell in row.cells]


def _flow(plan: Plan, compared: Sequence[Comparison]) -> Iterator[str]:
    """A note a flow source, with the networks of the papers that it stands for."""
    roles = grouped((row.run.flow, row.flow_role or "") for row in compared if row.run.flow)
    for name, played in roles.items():
        source = plan.config.flow.sources[name]
        weights = f" with weights {source.weights}" if source.weights else ""
        networks = " and ".join(filter(None, played))
        stands = f"; it stands for {networks} at this scale" if networks else ""
        yield f"Flow source {name}: estimator {source.estimator}{weights}{stands}."


def _benchmarks(compared: Sequence[Comparison]) -> Iterable[Scores]:
    """Scores of each benchmark of the table; its data are the same in all."""
    by_column: dict[str, Scores] = {}
    for _, cell in _cells(compared):
        by_column.setdefault(cell.planned.column, cell.first)
    return by_column.values()


def _data_of_benchmarks(
    compared: Sequence[Comparison], cited: Mapping[str, published.Row], numbers: str
) -> Iterator[str]:
    """A note for all benchmarks of the same data."""
    pairs = (
        (_benchmark(scores, compared, cited, numbers), comparable.benchmark_label(scores))
        for scores in _benchmarks(compared)
    )
    yield from (f"{', '.join(labels)}: {text}" for text, labels in grouped(pairs).items())


def _benchmark(
    scores: Scores,
    compared: Sequence[Comparison],
    cited: Mapping[str, published.Row],
    numbers: str,
) -> str:
    """The data of a benchmark, and the published numbers that may not be compared with it."""
    papers = dict.fromkeys(row.paper for row in cited.values() if row.paper not in published.CODE)
    by_paper = comparable.incomparable_by_paper(scores, papers)
    reasons = {paper: reason for paper, reason in by_paper.items() if reason}
    apart = ""
    if len(reasons) == len(by_paper):
        apart = f"published ones: {'; '.join(dict.fromkeys(reasons.values()))}"
    elif cited:  # without published rows one paper with the same data is enough
        apart = "; ".join(f"those of {paper}: {reason}" for paper, reason in reasons.items())
    return (
        f"{scores.size} of data set {scores.benchmark.dataset}, split {scores.benchmark.split}"
        f"{feature_notes.data(scores.benchmark)}"
        f"{_learnt_from(compared, scores.planned.column)}."
        + (f" {numbers} not comparable with {apart}." if apart else "")
    )


def _learnt_from(compared: Sequence[Comparison], benchmark: str) -> str:
    """The data that the methods scored on a benchmark learnt from, as the end of a sentence."""
    runs = ((row.run_on(benchmark), row.label) for row in compared)
    labels = grouped((_data(run), label) for run, label in runs if run.settings.trained)
    if len(labels) == 1:
        return f"; trained methods learn from {next(iter(labels))}"
    return "".join(f"; {' and '.join(each)}: learnt from {data}" for data, each in labels.items())


def _data(run: Run) -> str:
    """The data that a run learns from."""
    kind = KINDS[run.settings.learns_from]
    unseen = "" if kind.supervised else ", without ground truth"
    beside = ""
    if run.beside:
        words = KINDS[run.settings.learns_beside].words
        beside = f", beside each one of the {words} of {' and '.join(run.beside)}, split train"
    return f"{kind.words} of {' and '.join(run.datasets)}, split {run.split}{beside}{unseen}"


def _starts(compared: Sequence[Comparison]) -> Iterator[str]:
    pairs = ((runs, row.label) for row in compared for runs in row.starts())
    for runs, labels in grouped(pairs).items():
        slugs = " and ".join(run.slug for run in runs)
        yield f"Start of {' and '.join(labels)}: weights of {slugs}, learnt from {_data(runs[0])}."


def _adaptation(compared: Sequence[Comparison]) -> Iterator[str]:
    adapted = (
        ((row.steps, row.row.adapt, KINDS[row.run.settings.learns_from].words), row.label)
        for row in compared
        if row.steps
    )
    for (steps, declared, samples), labels in grouped(adapted).items():
        instead = "" if steps == declared else f" (the paper: {declared})"
        yield (
            f"Adaptation of {' and '.join(labels)}: {counted(steps, 'step')}{instead} of the "
            f"training loss on {samples} of each video, without ground truth, from the trained "
            f"weights each time."
        )


def _scorings(compared: Sequence[Comparison]) -> Iterator[str]:
    """Explain the scorings of predictions, then their rules, checkpoints and protocols."""
    cells = [pair for pair in _cells(compared) if not feature_notes.are_features(pair[1])]
    planned = [cell.planned for _, cell in cells]
    for (name, kind), pairs in _by_scoring(cells).items():
        yield _scoring(name, kind, pairs)
    for rule in dict.fromkeys(cell.foreground for cell in planned):
        yield from filter(None, [kinds.of_rule(rule).rule_note(rule)])
    best = [kinds.of_rule(cell.foreground) for cell in planned if cell.checkpoint == "best"]
    metrics = dict.fromkeys(kind.main_metric for kind in best if isinstance(kind, PredictionKind))
    if metrics:
        yield (
            f"Checkpoint best: of a training's snapshots the one of highest "
            f"{' or '.join(metrics)}, by the same protocol and foreground."
        )
    for name, kind in dict.fromkeys(
        (cell.protocol, kinds.of_rule(cell.foreground)) for cell in planned
    ):
        yield f"Protocol {name}: {kind.protocol_note(name)}"


def _by_scoring(
    cells: list[tuple[str, Cell]],
) -> dict[tuple[str, EvaluationKind], list[tuple[str, Cell]]]:
    """Cells with their rows' labels, by scoring and kind of evaluation."""
    grouped: dict[tuple[str, EvaluationKind], list[tuple[str, Cell]]] = {}
    for pair in cells:
        planned = pair[1].planned
        key = planned.scoring, kinds.of_rule(planned.foreground)
        grouped.setdefault(key, []).append(pair)
    return grouped


def _scoring(name: str, kind: EvaluationKind, cells: list[tuple[str, Cell]]) -> str:
    planned = [cell.planned for _, cell in cells]
    # What is not trained has no snapshots to choose from, so it is always `last`.
    first = next((cell for cell in planned if cell.run.settings.trained), planned[0])
    frames = ", ".join(dict.fromkeys(f"{cell.protocol} on {cell.benchmark}" for cell in planned))
    labels = grouped((cell.planned.foreground, label) for label, cell in cells)
    rules = ", ".join(f"{rule} ({' and '.join(each)})" for rule, each in labels.items())
    looks = any(kind.looks_at_ground_truth(rule) for rule in labels)
    chosen = ["the foreground"] * looks + ["the checkpoint"] * (first.checkpoint == "best")
    return (
        f"Scoring {name}: {kind.words(rules if len(labels) > 1 else first.foreground)}, checkpoint "
        f"{first.checkpoint}, protocol {frames}"
        + ("" if kind.is_average else ", which says here only which frames count")
        + (f"; the ground truth chooses {' and '.join(chosen)}." if chosen else SEES_NONE)
    )


def _metrics(compared: Sequence[Comparison]) -> Iterator[str]:
    """Explain metrics; those that features share with predictions are stated by the protocol."""
    of_predictions = {metric.name for kind in kinds.of_predictions() for metric in kind.metrics}
    shown = {
        metric
        for scores in _benchmarks(compared)
        for metric in scores.benchmark.metrics
        if not (isinstance(scores.benchmark, FeatureBenchmark) and metric in of_predictions)
    }
    notes = (metric.note for name, metric in kinds.metrics().items() if name in shown)
    yield from filter(None, notes)


def _columns(plan: Plan, compared: Sequence[Comparison]) -> Iterator[str]:
    """Describe the methods, where they are columns."""
    for row in compared:
        texts = [
            f"{key} {text}"
            for key, text in rows.describe(plan, row).items()
            if text != "none" and key not in (METHOD, SOURCE)
        ]
        yield f"Columns {row.label}: {', '.join(texts)}."
