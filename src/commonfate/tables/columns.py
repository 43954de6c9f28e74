"""Columns of scores: what they are called, and whether the papers' numbers may be compared."""

from collections.abc import Iterable, Sequence
from functools import partial

from commonfate.plan import Plan
from commonfate.published import benchmarks
from commonfate.published.benchmarks import Benchmark
from commonfate.tables.scores import Scores

DIFFERENCE = ": difference to published"


def name(plan: Plan, one: Scores, metric: str) -> str:
    """A column's name: metric, benchmark, scoring, e.g. `J sprites leak_free`."""
    return f"{metric} {benchmark_label(plan, one)} {one.planned.scoring}"


def heading(plan: Plan, one: Scores) -> str:
    """What a wide table is split by: a benchmark, with its published numbers if it has some."""
    return published_as(plan, one) or one.planned.benchmark


def published_as(plan: Plan, one: Scores) -> str | None:
    """Name of the benchmark in the papers' tables, if it is one of theirs."""
    return plan.config.benchmarks[one.planned.benchmark].published_as


def benchmark_label(plan: Plan, one: Scores) -> str:
    """A benchmark's name; where it is not the data of any paper, with how much of them it is."""
    known = benchmarks.BENCHMARKS.get(published_as(plan, one) or "", {}).values()
    found = [_mismatch(facts, one) for facts in sorted(known, key=partial(_distance, one))]
    if not found or None in found:
        return one.planned.benchmark
    return f"{one.planned.benchmark} ({_extent(*found[0])})"


def size(one: Scores) -> str:
    """How many sequences and frames were scored, or how many images."""
    sequences, frames = len(one.facts["sequences"]), one.facts["n_frames"]
    images = all(len(frames) == 1 for frames in one.scored.values())
    return f"{frames} images" if images else f"{sequences} sequences, {frames} frames"


def incomparable(plan: Plan, one: Scores, paper: str) -> str | None:
    """Why scores may not be compared with those that a paper prints; None if they may.

    Args:
        plan: where the scores were asked for.
        one: the scores of a benchmark.
        paper: one of `published.PAPERS`.
    """
    known_as = published_as(plan, one)
    if known_as is None:
        return "it is no published benchmark"
    facts = benchmarks.of(known_as, paper)
    if facts is None:
        return f"{paper} has no {known_as}"
    if mismatch := _mismatch(facts, one):
        found, whole, _ = mismatch
        what = "not the whole of" if found < whole else f"more than {paper} scores of"
        return f"it is {what} {known_as} ({_extent(*mismatch)})"
    if facts.average not in (None, one.facts["average"]):
        return f"the published mean is over every {facts.average}"
    return None


def incomparable_by_paper(plan: Plan, one: Scores, papers: Iterable[str]) -> dict[str, str | None]:
    """The same for some papers, or, without any, for all that score the benchmark."""
    known = benchmarks.BENCHMARKS.get(published_as(plan, one) or "", {"": None})
    return {paper: incomparable(plan, one, paper) for paper in (list(papers) or known)}


def compared_scoring(scorings: Sequence[str], facts: Benchmark) -> str:
    """The scoring whose numbers are compared with a paper's.

    It is the one that the paper's numbers come from, if the table has it, and `leak_free`, or the
    table's first, if not.

    Args:
        scorings: those of the table.
        facts: the benchmark as the paper scores it.
    """
    wanted = (facts.scoring, "leak_free")
    return next((scoring for scoring in wanted if scoring in scorings), scorings[0])


def _distance(one: Scores, facts: Benchmark) -> tuple[int, int]:
    """How far the scored data are from those of a paper, in sequences, then in frames."""
    sequences = abs(len(one.facts["sequences"]) - facts.sequences) if facts.sequences else 0
    return sequences, abs(one.annotated - facts.frames) if facts.frames else 0


def _mismatch(facts: Benchmark, one: Scores) -> tuple[int, int, str] | None:
    """How many sequences, frames or images are scored, and how many should be; None if just so."""
    sequences = len(one.facts["sequences"])
    if facts.sequences is not None and sequences != facts.sequences:
        return sequences, facts.sequences, "sequences"
    if facts.frames is not None and one.annotated != facts.frames:
        return one.annotated, facts.frames, "frames" if facts.sequences else "images"
    return None


def _extent(found: int, whole: int, noun: str) -> str:
    return f"{found} of {whole} {noun}" if found < whole else f"{found} {noun}, not {whole}"
