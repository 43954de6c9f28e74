"""The notes on scores of features: scorings, protocols in full, and what was left out."""

from collections import Counter
from collections.abc import Iterator, Sequence

from commonfate.evaluation import kinds
from commonfate.evaluation.features.benchmarks import FeatureBenchmark
from commonfate.evaluation.settings import BenchmarkConfig
from commonfate.tables import comparable
from commonfate.tables.grouping import grouped
from commonfate.tables.scores import Cell, Scores


def are_features(cell: Cell) -> bool:
    """True if features are scored, not predictions."""
    return kinds.of_rule(cell.planned.foreground) is kinds.KINDS["features"]


def data(benchmark: BenchmarkConfig) -> str:
    """View of a benchmark of features, and the split that it fits on, as the end of a sentence."""
    if not isinstance(benchmark, FeatureBenchmark):
        return ""
    fitted = f", fitted on split {benchmark.fit_split}" if benchmark.fits else ""
    return f"; {benchmark.kind} on view {benchmark.view}{fitted}"


def write(cells: Sequence[tuple[str, Cell]]) -> Iterator[str]:
    """Explain the scorings of features, then every protocol as its scores state it.

    Args:
        cells: scores of features, each with its row's label.
    """
    kind = kinds.KINDS["features"]
    for name, protocol in dict.fromkeys(
        (cell.planned.scoring, cell.planned.protocol) for _, cell in cells
    ):
        yield f"Scoring {name} of features: {kind.protocol_note(protocol)}"
    for rule in dict.fromkeys(cell.planned.foreground for _, cell in cells):
        yield kind.rule_note(rule)
    every = [(label, scores) for label, cell in cells for scores in cell.each]
    yield from _statements(every)
    for note, where in grouped(
        (note, f"{label} on {_column(scores)}")
        for label, scores in every
        for note in scores.content.get("notes", ())
    ).items():
        yield f"{'; '.join(where)}: {note.removesuffix('.')}."
    yield from _left_out(every)


def _column(scores: Scores) -> str:
    return f"{comparable.benchmark_label(scores)} {scores.planned.scoring}"


def _statements(every: Sequence[tuple[str, Scores]]) -> Iterator[str]:
    """Protocols, each with the columns that it is of; with the rows where they differ in it.

    The first sentence of a statement names encoder and data, which stand elsewhere in the table.
    """
    by_column: dict[str, dict[str, list[str]]] = {}
    for label, scores in every:
        protocol = scores.content.get("statement", "").partition(". ")[2]
        if protocol:
            labels = by_column.setdefault(_column(scores), {}).setdefault(protocol, [])
            labels += [label] if label not in labels else []
    pairs = (
        (protocol, column if len(protocols) == 1 else f"{column} ({' and '.join(labels)})")
        for column, protocols in by_column.items()
        for protocol, labels in protocols.items()
    )
    for protocol, columns in grouped(pairs).items():
        yield f"Protocol of {', '.join(columns)}: {protocol}"


def _left_out(every: Sequence[tuple[str, Scores]]) -> Iterator[str]:
    """Count the images or frames that are not scored, by reason."""
    pairs = (
        (tuple(sorted(Counter(scores.content["left_out_frames"].values()).items())), scores)
        for _, scores in every
        if scores.content.get("left_out_frames")
    )
    for counts, columns in grouped((counts, _column(scores)) for counts, scores in pairs).items():
        reasons = "; ".join(f"{count}: {reason}" for reason, count in counts)
        yield f"Images or frames left out of {', '.join(columns)}: {reasons}."
