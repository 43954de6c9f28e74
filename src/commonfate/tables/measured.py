"""The measured rows of a table."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from commonfate.plan import Plan, RowDeclaration
from commonfate.tables import published
from commonfate.tables.scores import Scores
from commonfate.tables.table import METHOD, RUNTIME, SOURCE, YES_NO, Table

DIFFERENCE = ": difference to published"


def add_row(table: Table, plan: Plan, row: RowDeclaration, chosen: list[Scores]) -> None:
    """Add one measured row.

    Args:
        table: gets the row.
        plan: where the scores were asked for.
        row: its declaration.
        chosen: its scores: benchmarks, then ways to choose the foreground.
    """
    settings = chosen[0].planned.run.settings
    uses_flow = settings.trained or settings.reads_flow
    seed = plan.config.seed if settings.trained else getattr(settings, "seed", "none")
    saw = " (saw ground truth)" if row.checkpoint == "best" else ""
    text = {
        METHOD: row.label,
        SOURCE: "measured",
        "scale": plan.config.scale,
        "RGB at inference": YES_NO[settings.reads_frame],
        "flow at inference": YES_NO[settings.reads_flow],
        "input resolution": _described(chosen, "resolution"),
        "flow source": chosen[0].planned.run.flow if uses_flow else "none",
        "features": _described(chosen, "features"),
        "post-processing": "no",
        "checkpoint": row.checkpoint + saw if settings.trained else "none",
        "seed": str(seed),
        "device": _distinct(one.facts["seconds_per_frame"]["device"] for one in chosen),
    }
    cells = []
    for one in chosen:
        column = column_of(plan, one)
        cells.append({"column": column, "value": one.percent, **_origin([one])})
        cells += _difference(plan, table.name, row, one)
    table.add(text, [*cells, _runtime(chosen)])


def column_of(plan: Plan, one: Scores) -> str:
    """Name of the column of a score, e.g. `J sprites oracle`."""
    return f"J {benchmark_label(plan, one)} {one.planned.foreground}"


def benchmark_label(plan: Plan, one: Scores) -> str:
    """A benchmark's name; where it is not the whole published one, with how much of it it is."""
    name = one.planned.benchmark
    extent = _extent(plan, one)
    return f"{name} ({extent})" if extent else name


def incomparable(plan: Plan, one: Scores) -> str | None:
    """Why a benchmark's scores may not be compared with published ones; None if they may."""
    known_as = plan.config.benchmarks[one.planned.benchmark].published_as
    if known_as is None:
        return "it is no published benchmark"
    if extent := _extent(plan, one):
        return f"it is not the whole of {known_as} ({extent})"
    average = published.BENCHMARKS[known_as].average
    return (
        f"the published mean is over every {average}" if one.facts["average"] != average else None
    )


def _extent(plan: Plan, one: Scores) -> str | None:
    """How much of a published benchmark was there to be scored; None if all, or if it is none."""
    known_as = plan.config.benchmarks[one.planned.benchmark].published_as
    if known_as is None:
        return None
    whole = published.BENCHMARKS[known_as]
    sequences = len(one.facts["sequences"])
    if sequences != whole.sequences:
        return f"{sequences} of {whole.sequences} sequences"
    if whole.frames is not None and one.annotated != whole.frames:
        return f"{one.annotated} of {whole.frames} frames"
    return None


def _difference(plan: Plan, table: str, row: RowDeclaration, one: Scores) -> list[dict[str, Any]]:
    """The cell of measured minus published, if both are of the same thing."""
    source = plan.declarations[table].published
    if source is None or row.published is None or incomparable(plan, one):
        return []
    paper = published.rows(source.table, source.metric)[row.published]
    value = paper.values.get(plan.config.benchmarks[one.planned.benchmark].published_as)
    if value is None:
        return []
    # Of the digits that are printed, so that the table agrees with itself.
    difference = f"{Decimal(one.percent) - Decimal(value.text):+}"
    column = f"{column_of(plan, one)}{DIFFERENCE}"
    minus = published.origin(source.table, paper, value)
    return [{"column": column, "value": difference, **_origin([one]), "minus": minus}]


def _runtime(chosen: list[Scores]) -> dict[str, Any]:
    """Mean over benchmarks of the median over frames, to three digits."""
    seconds = [one.facts["seconds_per_frame"]["median"] for one in chosen]
    digits = f"{sum(seconds) / len(seconds):.3g}"
    return {"column": RUNTIME, "value": f"{float(digits):g}", **_origin(chosen)}


def _described(chosen: list[Scores], key: str) -> str:
    return _distinct(one.facts["description"].get(key, "none") for one in chosen)


def _distinct(texts: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(texts))


def _origin(chosen: list[Scores]) -> dict[str, Any]:
    return {
        "evaluations": [one.path for one in chosen],
        "runs": list(dict.fromkeys(one.planned.run.slug for one in chosen)),
        "checkpoint": chosen[0].planned.checkpoint,
        "protocol": _distinct(one.planned.protocol for one in chosen),
        "foreground": _distinct(one.planned.foreground for one in chosen),
    }
