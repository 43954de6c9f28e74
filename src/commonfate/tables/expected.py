"""Directions that a paper shows, and whether the measured numbers show them, too."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from commonfate.plan import Expectation, Plan, TableDeclaration
from commonfate.published import rows as published
from commonfate.tables import columns, measured, seeds, units
from commonfate.tables.scores import Cell, Found
from commonfate.tables.seeds import Difference, Numbers


def notes(
    plan: Plan, table: str, found: Found, known: Mapping[str, published.Row]
) -> Iterator[str]:
    """Compare rows as the declaration says that the paper has them.

    Args:
        plan: the configuration with the declared tables.
        table: which table.
        found: every evaluation of the table, by declared row; each benchmark is judged by its first
            metric.
        known: its published rows, by label.
    """
    declaration = plan.declarations[table]
    rows = {row.label: cells for row, cells in found}
    for expected in declaration.expects:
        scoring = declaration.scoring_of(expected)
        better, worse = (
            _by_benchmark(rows[label], scoring) for label in (expected.better, expected.worse)
        )
        for name, cell in better.items():
            yield _note(plan, declaration, expected, (cell, worse[name]), known)


def _by_benchmark(cells: Iterable[Cell], scoring: str) -> dict[str, Cell]:
    return {cell.planned.benchmark: cell for cell in cells if cell.planned.scoring == scoring}


def _note(
    plan: Plan,
    declaration: TableDeclaration,
    expected: Expectation,
    pair: tuple[Cell, Cell],
    known: Mapping[str, published.Row],
) -> str:
    better, worse = pair
    scale, metric = plan.config.scale, plan.config.benchmarks[better.planned.benchmark].metrics[0]
    lower = metric in units.LOWER_IS_BETTER
    start = f"Expected {expected.better} {'<' if lower else '>'} {expected.worse}"
    start += f' (the paper: "{expected.because}")' if expected.because else ""
    start += _printed(declaration, expected, measured.published_metric(better, metric), known)
    if [one.planned for one in better.each] == [one.planned for one in worse.each]:
        return f"{start}: cannot be seen at scale {scale}, where both are the same run."
    column = columns.name(plan, better.first, metric)
    first, second = better.of(metric), worse.of(metric)
    if first is None or second is None:
        return f"{start}: not measured in {column}."
    paired = bool(better.seeds) and _trainings(better) == _trainings(worse)
    gap = seeds.difference(*((second, first) if lower else (first, second)), paired)
    # Of the digits that are printed, so that the table agrees with itself.
    shown = [units.text(metric, numbers.mean) for numbers in (first, second)]
    gain, unit = Decimal(shown[0]) - Decimal(shown[1]), units.points(metric)
    verdict = f"seen, by {abs(gain)}{unit}"
    if gap.verdict != "seen":
        verdict = f"{gap.verdict} at scale {scale}, {gain:+}{unit}"
    numbers = f"{first.text(metric)} and {second.text(metric)} in {column}"
    return f"{start}: {verdict} ({numbers}{_certainty(gap, paired, (first, second), metric)})."


def _trainings(cell: Cell) -> list[str]:
    """Where the weights of each seed lie."""
    return [str(one.planned.run.folder) for one in cell.each]


def _certainty(gap: Difference, paired: bool, numbers: tuple[Numbers, Numbers], metric: str) -> str:
    """What the verdict rests on."""
    if not any(one.trained for one in numbers):
        return ""
    if gap.error is None:
        return "; one seed decides nothing"
    how = ", subtracted seed by seed" if paired else ""
    width = units.text(metric, seeds.STANDARD_ERRORS * gap.error)
    return f"; two standard errors of the difference{how}: {width}{units.points(metric)}"


def _printed(
    declaration: TableDeclaration,
    expected: Expectation,
    metric: str,
    known: Mapping[str, published.Row],
) -> str:
    """The differences that the paper prints, where it has both rows."""
    labels = {row.label: row.published for row in declaration.rows}
    papers = [known.get(labels[label] or "") for label in (expected.better, expected.worse)]
    if None in papers:
        return ""
    better, worse = (paper.values for paper in papers)
    shared = [key for key in better if key in worse and key[0] == metric]
    told = [f"{Decimal(better[key].text) - Decimal(worse[key].text):+} {key[1]}" for key in shared]
    return f" (printed: {', '.join(told)})" if told else ""
