"""Benchmarks beside those of papers: names of columns, and which numbers may be compared."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from commonfate.published import benchmarks
from commonfate.published import rows as published
from commonfate.published.benchmarks import Benchmark
from commonfate.tables.scores import Cell, Scores


def published_metric(cell: Cell, metric: str) -> str:
    """Name of a metric in the papers: J of the best assignment of components is `J_oracle`.

    A benchmark may name that of its first metric: `published_metric`, e.g. `mIoU_linear`.
    """
    if cell.planned.scoring == "oracle_components":
        return f"{metric}_oracle"
    benchmark = cell.first.benchmark
    return _published_metric(cell.first) if metric == benchmark.metrics[0] else metric


def _published_metric(scores: Scores) -> str:
    """Name of a benchmark's first metric in the papers."""
    return scores.benchmark.published_metric or scores.benchmark.metrics[0]


def printed(cell: Cell, metric: str, paper: published.Row) -> published.Value | None:
    """The number that a row of a paper has for the benchmark and metric of our scores, if any."""
    benchmark = cell.first.benchmark
    dataset, settings = benchmark.published_as or "", benchmark.published_settings
    return paper.value(published_metric(cell, metric), dataset, settings)


def heading(scores: Scores, metric: str, columns: Mapping[published.Key, str]) -> str:
    """Heading that a measured column shares with the printed one of the same thing, if any.

    Args:
        scores: of a benchmark.
        metric: as the papers name it.
        columns: names of the printed columns, see `published.headings`.
    """
    benchmark = scores.benchmark
    dataset, settings = benchmark.published_as or "", benchmark.published_settings
    same = [key for key in columns if key.matches(metric, dataset, settings)]
    if len(same) == 1:
        return printed_heading(same[0], columns)
    return dataset or scores.planned.column


def printed_heading(key: published.Key, columns: Mapping[published.Key, str]) -> str:
    """Heading of a printed column: its name without the metric."""
    return columns[key].removeprefix(f"{key.metric} ")


def scored_as(cell: Cell, paper: published.Row, scorings: Sequence[str]) -> Benchmark | None:
    """The benchmark as the paper scores it; None if its numbers may not be compared.

    They are compared in the scoring that the paper's numbers come from, or, if the table lacks that
    scoring, in `leak_free`, or in the table's first; `oracle_components` has numbers of its own.

    Args:
        cell: our scores.
        paper: a published row.
        scorings: those of the table.
    """
    benchmark = _scored_by(cell.first, paper.paper)
    if benchmark is None or incomparable(cell.first, paper.paper):
        return None
    preferred = (benchmark.scoring, "leak_free", scorings[0])
    compared = next(scoring for scoring in preferred if scoring in scorings)
    return benchmark if cell.planned.scoring in (compared, "oracle_components") else None


def incomparable(scores: Scores, paper: str) -> str | None:
    """The reason why scores may not be compared with a paper's; None if they may.

    Args:
        scores: of a benchmark.
        paper: one of `published.PAPERS`.
    """
    name = scores.benchmark.published_as
    if name is None:
        return "it is no published benchmark"
    benchmark = _scored_by(scores, paper)
    if benchmark is None:
        if paper.removesuffix(" code") not in benchmarks.BENCHMARKS.get(name, {}):
            return f"{paper} has no {name}"
        return f"{paper} does not score {name} so"
    if mismatch := _mismatch(benchmark, scores):
        part = mismatch.count < mismatch.whole
        amount = "not the whole of" if part else f"more than {paper} scores of"
        return f"it is {amount} {name} ({mismatch})"
    if benchmark.average not in (None, scores.content["average"]):
        return f"the published mean is over every {benchmark.average}"
    return None


def _scored_by(scores: Scores, paper: str) -> Benchmark | None:
    benchmark = scores.benchmark
    metric, settings = _published_metric(scores), benchmark.published_settings
    return benchmarks.of(benchmark.published_as or "", paper, metric, settings)


def incomparable_by_paper(scores: Scores, papers: Iterable[str]) -> dict[str, str | None]:
    """The reasons by paper: for some papers, or, without any, for all that score the benchmark."""
    by_paper = benchmarks.BENCHMARKS.get(scores.benchmark.published_as or "", {"": ()})
    return {paper: incomparable(scores, paper) for paper in (list(papers) or by_paper)}


def benchmark_label(scores: Scores) -> str:
    """A benchmark's name, with its share of the nearest paper's data if no paper has the same."""
    name = scores.planned.column
    by_paper = benchmarks.BENCHMARKS.get(scores.benchmark.published_as or "", {})
    metric, settings = _published_metric(scores), scores.benchmark.published_settings
    fitting = [
        each for all_of in by_paper.values() for each in all_of if each.has(metric, settings)
    ]
    nearest = sorted(fitting, key=partial(_distance, scores))
    mismatches = [_mismatch(benchmark, scores) for benchmark in nearest]
    return name if not mismatches or None in mismatches else f"{name} ({mismatches[0]})"


def column(scores: Scores, metric: str) -> str:
    """Name of a column: metric, benchmark, scoring, e.g. `J sprites leak_free`."""
    return f"{metric} {benchmark_label(scores)} {scores.planned.scoring}"


@dataclass(frozen=True)
class _Mismatch:
    """Number of sequences, frames or images that are scored, and the paper's number."""

    count: int
    whole: int
    noun: str

    def __str__(self) -> str:
        if self.count < self.whole:
            return f"{self.count} of {self.whole} {self.noun}"
        return f"{self.count} {self.noun}, not {self.whole}"


def _mismatch(benchmark: Benchmark, scores: Scores) -> _Mismatch | None:
    """The difference in the amount of data; None if there is none."""
    sequences = len(scores.content["sequences"])
    if benchmark.sequences is not None and sequences != benchmark.sequences:
        return _Mismatch(sequences, benchmark.sequences, "sequences")
    if benchmark.frames is not None and scores.annotated != benchmark.frames:
        noun = "frames" if benchmark.sequences else "images"
        return _Mismatch(scores.annotated, benchmark.frames, noun)
    return None


def _distance(scores: Scores, benchmark: Benchmark) -> tuple[int, int]:
    """Distance of the scored data from those of a paper, in sequences, then in frames."""
    sequences = len(scores.content["sequences"])
    return (
        abs(sequences - benchmark.sequences) if benchmark.sequences else 0,
        abs(scores.annotated - benchmark.frames) if benchmark.frames else 0,
    )
