"""The rows of a table by class: each class of a benchmark, then its metrics over all classes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from commonfate import datasets
from commonfate.base.errors import StoreError
from commonfate.evaluation.features.benchmarks import FeatureBenchmark
from commonfate.plan import Plan
from commonfate.tables import comparable, parts
from commonfate.tables.comparison import Comparison
from commonfate.tables.quantities import Numbers
from commonfate.tables.scores import Cell, Scores
from commonfate.tables.table import Table

CLASS, BENCHMARK, SCORE = LEADING = ("class", "benchmark", "score")
ALL = "all"
"""Name of the rows of a benchmark's metrics."""
NOTES = {
    "IoU": "IoU of a class: its pixels in all scored images are counted together.",
    "top1": "top1 of a class: share of its images whose class is right.",
}
"""Scores of a class, each with a sentence for tables."""


def add_rows(table: Table, plan: Plan, compared: Sequence[Comparison]) -> None:
    """Add a row for each class that occurs, and for each metric of a benchmark.

    Args:
        table: gets the rows; a benchmark is a block of classes and a block of metrics.
        plan: the configuration with the declared tables.
        compared: the measured rows, which become groups of columns here.

    Raises:
        StoreError: scores hold no classes.
    """
    declared = plan.declarations[table.name]
    table.leading = LEADING
    table.headings = parts.headings(declared.rows, [(name,) for name in declared.scorings])
    for benchmark in plan.config.tables[table.name].benchmarks:
        own = parts.of_benchmark(compared, benchmark)
        first = own[0][1].first
        score, leading = str(first.benchmark.class_score), comparable.benchmark_label(first)
        by_class: parts.Cells = {}
        for key, name in _classes(plan, [cell for _, cell in own]).items():
            for label, cell in own:
                column = parts.column(label, cell.planned.scoring)
                parts.add_number(by_class, name, column, cell, score, _numbers(cell, key))
        parts.add_rows(table, by_class, {BENCHMARK: leading, SCORE: score})
        for metric in first.benchmark.metrics:
            means: parts.Cells = {}
            for label, cell in own:
                column = parts.column(label, cell.planned.scoring)
                parts.add_number(means, ALL, column, cell, metric, cell.of(metric))
            parts.add_rows(table, means, {BENCHMARK: leading, SCORE: metric}, means=True)


def notes(plan: Plan, compared: Sequence[Comparison]) -> Iterator[str]:
    """Explain the rows, and name the classes that have none.

    Args:
        plan: the configuration with the declared tables.
        compared: the measured rows.
    """
    by_benchmark: dict[str, list[Cell]] = {}
    for cell in (cell for row in compared for cell in row.cells):
        by_benchmark.setdefault(cell.planned.column, []).append(cell)
    scores = dict.fromkeys(
        str(cells[0].first.benchmark.class_score) for cells in by_benchmark.values()
    )
    yield (
        f"{' '.join(NOTES[score] for score in scores)} Rows `{ALL}`: the metrics of a benchmark, "
        f"as tables with a row a method show them."
    )
    for cells in by_benchmark.values():
        occur = _classes(plan, cells)
        absent = [name for key, name in _names(plan, cells[0].first).items() if key not in occur]
        if absent:
            label = comparable.benchmark_label(cells[0].first)
            yield f"Classes of {label} without a score, as no scored image has them: " + (
                f"{', '.join(absent)}."
            )


def _classes(plan: Plan, cells: Iterable[Cell]) -> Mapping[str, str]:
    """Names of the classes that one of some scores of a benchmark has, by key, in their order."""
    every = [scores for cell in cells for scores in cell.each]
    keys = dict.fromkeys(key for scores in every for key in _of_classes(scores))
    names = _names(plan, every[0])
    ordered = sorted(keys, key=lambda key: int(key) if key.isdecimal() else len(keys))
    return {key: names.get(key, key) for key in ordered}


def _names(plan: Plan, scores: Scores) -> Mapping[str, str]:
    """Names of all classes of a benchmark by their keys in its scores, as far as they are known.

    Keys are numbers in label maps, but of images the names themselves.
    """
    benchmark = scores.benchmark
    if isinstance(benchmark, FeatureBenchmark) and benchmark.truth == "image_labels":
        return {}
    names = datasets.class_names(plan.config.datasets[benchmark.dataset])
    return {str(number): name for number, name in enumerate(names)}


def _of_classes(scores: Scores) -> Mapping[str, float]:
    """Scores by class, those of all repeats together."""
    if "classes" not in scores.content:
        raise StoreError(f"{scores.path}: has no 'classes'; delete it and run the command again")
    return dict(scores.content["classes"])


def _numbers(cell: Cell, key: str) -> Numbers | None:
    """The score of a class by seed, with its repeats."""
    return cell.numbers(
        lambda scores: _of_classes(scores).get(key),
        lambda scores: [each.get(key) for each in scores.content.get("classes_of_repeats", ())],
    )
