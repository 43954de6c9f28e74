"""The measured rows of a comparison of methods."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from commonfate.plan import Plan, RowDeclaration, Run
from commonfate.published import benchmarks
from commonfate.published import rows as published
from commonfate.samples.kinds import KINDS
from commonfate.tables import columns, units
from commonfate.tables.scores import Cell, Scores
from commonfate.tables.seeds import Numbers
from commonfate.tables.table import MEASURED, METHOD, RUNTIME, SOURCE, Table

YES_NO = {True: "yes", False: "no"}
"""What a method's training samples teach it beside the frame itself, in words."""


def add_row(
    table: Table,
    plan: Plan,
    row: RowDeclaration,
    chosen: list[Cell],
    known: dict[str, published.Row],
) -> None:
    """Add one measured row.

    Args:
        table: gets the row.
        plan: where the scores were asked for.
        row: its declaration.
        chosen: its scores: benchmarks, then scorings.
        known: the published rows of the table, by label.
    """
    paper = known.get(row.published or "")
    cells = []
    for one, metric in by_metric(plan, chosen):
        numbers = one.of(metric)
        if numbers is None:
            continue
        column = columns.name(plan, one.first, metric)
        here = {"heading": columns.heading(plan, one.first), **origin([one])}
        cells.append({"column": column, **here, **with_seeds(one, metric, numbers)})
        if paper and (value := comparable(plan, table.name, paper, one, metric)):
            # Of the digits that are printed, so that the table agrees with itself.
            gain = Decimal(units.text(metric, numbers.mean)) - Decimal(value.text)
            difference = f"{gain:+}{numbers.spread(metric)}"
            minus = {"value": difference, **here, "minus": published.origin(paper, value)}
            cells.append({"column": f"{column}{columns.DIFFERENCE}", **minus})
    table.add(describe(plan, row, chosen), [*cells, _runtime(chosen)])


def published_metric(one: Cell, metric: str) -> str:
    """What the papers call a metric: J of the best assignment of components is `J_oracle`."""
    return f"{metric}_oracle" if one.planned.scoring == "oracle_components" else metric


def with_seeds(one: Cell, metric: str, numbers: Numbers) -> dict[str, Any]:
    """A number as the table shows it, and of each seed in the same unit, with its evaluation."""
    seeds = [
        {"seed": of_seed.seed, "value": units.number(metric, value), "evaluation": of_seed.path}
        for of_seed in one.each
        if (value := numbers.by_seed.get(of_seed.seed)) is not None
    ]
    here = {"benchmark": one.planned.benchmark, "metric": metric}
    return {"value": numbers.text(metric), **here, "seeds": seeds}


def origin(cells: list[Cell]) -> dict[str, Any]:
    """What a measured number comes from: the evaluations of every seed."""
    chosen = [one for cell in cells for one in cell.each]
    return {
        "evaluations": [one.path for one in chosen],
        "runs": list(dict.fromkeys(one.planned.run.slug for one in chosen)),
        "scoring": _distinct(one.planned.scoring for one in chosen),
        "predictions": _distinct(one.planned.variant for one in chosen),
        "protocol": _distinct(one.planned.protocol for one in chosen),
        "foreground": _distinct(one.planned.foreground for one in chosen),
    }


def describe(plan: Plan, row: RowDeclaration, cells: list[Cell]) -> dict[str, str]:
    """What a row is, by leading column."""
    chosen = [one for cell in cells for one in cell.each]
    run = chosen[0].planned.run
    settings = run.settings
    learns_from = KINDS[settings.learns_from].words if settings.trained else "none"
    played = f" (as {row.flow})" if row.flow not in (None, run.flow) else ""
    seeds = cells[0].seeds or [getattr(settings, "seed", "none")]
    return {
        METHOD: row.label,
        SOURCE: MEASURED,
        "scale": plan.config.scale,
        "network": _distinct(_described(one, "network") for one in chosen),
        "K": _number_of_segments(settings),
        "flow model": getattr(settings, "flow_model", "none"),
        "RGB at inference": YES_NO[settings.reads_frame],
        "flow at inference": YES_NO[settings.reads_flow],
        "input resolution": _distinct(_resolution(one) for one in chosen),
        "learns from": learns_from,
        "flow source": f"{run.flow}{played}" if run.flow else "none",
        "pre-training": _pretraining(run.start) if run.start else "none",
        "features": _distinct(_described(one, "features") for one in chosen),
        "adaptation": f"{steps} steps" if (steps := chosen[0].planned.adapt) else "none",
        "post-processing": "CRF" if row.crf else "none",
        "seed": ", ".join(map(str, seeds)),
        "device": _distinct(one.facts["seconds_per_frame"]["device"] for one in chosen),
    }


def by_metric(plan: Plan, chosen: list[Cell]) -> Iterator[tuple[Cell, str]]:
    """Cells with metrics: benchmarks, then metrics, then scorings."""
    for benchmark in dict.fromkeys(one.planned.benchmark for one in chosen):
        of_benchmark = [one for one in chosen if one.planned.benchmark == benchmark]
        for metric in plan.config.benchmarks[benchmark].metrics:
            yield from ((one, metric) for one in of_benchmark)


def comparable(
    plan: Plan, table: str, paper: published.Row, one: Cell, metric: str
) -> published.Value | None:
    """The paper's number for the same thing, if it has one that may be compared."""
    dataset = columns.published_as(plan, one.first) or ""
    facts = benchmarks.of(dataset, paper.paper)
    if facts is None or columns.incomparable(plan, one.first, paper.paper):
        return None
    compared = columns.compared_scoring(plan.declarations[table].scorings, facts)
    if one.planned.scoring not in (compared, "oracle_components"):
        return None
    return paper.values.get((published_metric(one, metric), dataset))


def _number_of_segments(settings: Any) -> str:
    """K of a method, whatever it calls it."""
    names = ("components", "clusters", "segments")
    return next((str(getattr(settings, name)) for name in names if hasattr(settings, name)), "none")


def _pretraining(start: Run) -> str:
    """Method, data and augmentation of the run that another one starts from."""
    augmentation = getattr(start.settings, "augmentation", None)
    told = f", {augmentation} augmentation" if augmentation else ""
    return f"{start.settings.method} on {' and '.join(start.datasets)}{told}"


def _runtime(chosen: list[Cell]) -> dict[str, Any]:
    """Mean over predictions, of all seeds, of the median over frames, to three digits."""
    of_predictions = list({one.planned.predictions: one for one in reversed(chosen)}.values())
    seconds = [
        one.facts["seconds_per_frame"]["median"] for cell in of_predictions for one in cell.each
    ]
    digits = f"{sum(seconds) / len(seconds):.3g}"
    return {"column": RUNTIME, "value": f"{float(digits):g}", **origin(of_predictions[::-1])}


def _resolution(one: Scores) -> str:
    native = one.facts.get("resolution") == "native"
    return "that of the frame" if native else _described(one, "resolution")


def _described(one: Scores, key: str) -> str:
    return one.facts["description"].get(key, "none")


def _distinct(texts: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(texts))
