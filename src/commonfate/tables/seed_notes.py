"""The notes on seeds: the deviation that a table shows, and seeds that nothing was repeated for."""

from collections.abc import Iterator, Sequence

from commonfate.plan import Plan
from commonfate.tables import comparable, quantities
from commonfate.tables.comparison import Comparison
from commonfate.tables.grouping import grouped
from commonfate.tables.scores import Cell, by_metric

SAMPLE = "sample standard deviation (n - 1 in its denominator)"
UNTRAINED = "What is not trained has one run and no deviation."
REPEATS = "repeats of the evaluation with other seeds, e.g. of K-means"
FILES = (
    " In the files of scores `spread` is their population standard deviation (n in its "
    "denominator)."
)


def write(plan: Plan, table: str, compared: Sequence[Comparison]) -> Iterator[str]:
    """Say at which scale and with which seeds a table is measured, and what its deviations are of.

    Args:
        plan: the configuration with the declared tables.
        table: one of them.
        compared: its measured rows.
    """
    cells = [cell for row in compared for cell in row.cells]
    start = f"Measured at scale {plan.config.scale}"
    repeated = any(_repeats(cell) > 1 for cell in cells)
    if any(cell.seeds for cell in cells):
        yield start + _trained(plan.config.seeds_of(table), repeated)
    elif repeated:
        yield (
            f"{start}; no method here is trained. A number with ± is the mean of {REPEATS}, "
            f"± their {SAMPLE}, and their number in brackets.{FILES}"
        )
    else:
        yield f"{start}; no method here is trained, so no number has a deviation."
    yield from _components(compared)
    yield from _evaluated_once(cells)


def _components(compared: Sequence[Comparison]) -> Iterator[str]:
    """Say how much trainings vary, and how much the repeats of their evaluations do."""
    by_column: dict[str, list[str]] = {}
    for row in compared:
        for cell, metric in by_metric(list(row.cells)):
            numbers = cell.of(metric)
            parts = numbers.components if numbers else None
            if parts is not None:
                column = comparable.column(cell.first, metric)
                of_trainings, of_repeats = (quantities.digits(metric, part) for part in parts)
                text = f"{row.label} {of_trainings} and {of_repeats}"
                by_column.setdefault(column, []).append(text)
    if by_column:
        each = "; ".join(f"{column}: {', '.join(rows)}" for column, rows in by_column.items())
        yield (
            "Deviations between trainings, and between repeats of the evaluation of a training "
            f"(components of variance): {each}."
        )


def _trained(seeds: Sequence[int], repeated: bool) -> str:
    if len(seeds) == 1:
        text = (
            f", one seed: {seeds[0]}. How much another seed would change is not measured, so no "
            f"difference of what is trained is decided."
        )
        of_repeats = f" A number with ± is the mean of {REPEATS}, of the same training, ± their "
        return text + f"{of_repeats}{SAMPLE}, and their number in brackets.{FILES}" * repeated
    text = f", seeds {', '.join(map(str, seeds))}: mean ± {SAMPLE}, and the number of seeds in "
    text += "brackets."
    if not repeated:
        return f"{text} {UNTRAINED}"
    return (
        f"{text} Of what is trained these are seeds of the training; each number is the mean of "
        f"{REPEATS}, whose own deviation is `repeats_std` in the table's `.long.csv`. Of what is "
        f"not trained they are the seeds of those repeats.{FILES}"
    )


def _repeats(cell: Cell) -> int:
    """Largest number of repeats of an evaluation."""
    return max(len(scores.content.get("repeats", ())) for scores in cell.each)


def _evaluated_once(cells: Sequence[Cell]) -> Iterator[str]:
    """Name the columns whose protocol has a seed, but was run with only one."""
    columns = grouped(
        (cell.planned.scoring, comparable.benchmark_label(cell.first))
        for cell in cells
        if "seed" in cell.first.content.get("settings", {}) and _repeats(cell) < 2
    )
    if columns:
        each = (f"{scoring} of {', '.join(names)}" for scoring, names in columns.items())
        yield (
            f"Evaluated with one seed of the protocol: {'; '.join(each)}. How much another one "
            f"would change is not measured, and in no deviation."
        )
