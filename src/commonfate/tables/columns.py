"""Columns of scores: what they are called, and whether the papers' numbers may be compared."""

from commonfate.plan import Plan
from commonfate.tables.benchmarks import BENCHMARKS, Benchmark
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
    """A benchmark's name; where it is not the whole published one, with how much of it it is."""
    whole = _whole(plan, one)
    extent = _extent(whole, one) if whole else None
    return f"{one.planned.benchmark} ({extent})" if extent else one.planned.benchmark


def size(one: Scores) -> str:
    """How many sequences and frames were scored, or how many images."""
    sequences, frames = len(one.facts["sequences"]), one.facts["n_frames"]
    images = all(len(frames) == 1 for frames in one.scored.values())
    return f"{frames} images" if images else f"{sequences} sequences, {frames} frames"


def incomparable(plan: Plan, one: Scores) -> str | None:
    """Why a benchmark's scores may not be compared with published ones; None if they may."""
    whole = _whole(plan, one)
    if whole is None:
        return "it is no published benchmark"
    if extent := _extent(whole, one):
        return f"it is not the whole of {published_as(plan, one)} ({extent})"
    if one.facts["average"] != whole.average:
        return f"the published mean is over every {whole.average}"
    return None


def compared_scoring(plan: Plan, table: str, benchmark: str) -> str:
    """The scoring whose numbers are compared with the papers' on a benchmark.

    It is the one that the published numbers come from, if the table has it, and `leak_free`, or
    the table's first, if not.
    """
    scorings = plan.declarations[table].scorings
    whole = BENCHMARKS.get(plan.config.benchmarks[benchmark].published_as or "")
    wanted = (*([whole.scoring] if whole else []), "leak_free")
    return next((scoring for scoring in wanted if scoring in scorings), scorings[0])


def _whole(plan: Plan, one: Scores) -> Benchmark | None:
    known_as = published_as(plan, one)
    return None if known_as is None else BENCHMARKS[known_as]


def _extent(whole: Benchmark, one: Scores) -> str | None:
    """How much of a published benchmark was there to be scored; None if all."""
    sequences = len(one.facts["sequences"])
    if whole.sequences is not None and sequences != whole.sequences:
        return f"{sequences} of {whole.sequences} sequences"
    if whole.frames is not None and one.annotated != whole.frames:
        noun = "images" if whole.sequences is None else "frames"
        return f"{one.annotated} of {whole.frames} {noun}"
    return None
