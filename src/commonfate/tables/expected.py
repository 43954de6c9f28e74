"""Directions that a paper shows, and whether the measured numbers show them, too."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from commonfate.evaluation import kinds
from commonfate.plan import Expectation, Plan, TableDeclaration
from commonfate.published import rows as published
from commonfate.tables import comparable, quantities
from commonfate.tables.comparison import Comparison
from commonfate.tables.quantities import Difference
from commonfate.tables.scores import Cell


def notes(
    plan: Plan,
    table: str,
    compared: Sequence[Comparison],
    cited: Mapping[str, published.Row],
) -> Iterator[str]:
    """Judge every direction that a table declares, on each benchmark by its first metric.

    Args:
        plan: the configuration with the declared tables.
        table: one of them.
        compared: its measured rows.
        cited: its published rows, by label.
    """
    declaration = plan.declarations[table]
    cells = {row.label: row.cells for row in compared}
    for expectation in declaration.expects:
        scoring = declaration.scoring_of(expectation)
        better, worse = (
            {cell.planned.column: cell for cell in cells[label] if cell.planned.scoring == scoring}
            for label in (expectation.better, expectation.worse)
        )
        before = ""
        for name, cell in better.items():
            printed = _printed(declaration, expectation, cell, cited)
            # Once for all benchmarks that are compared with the same printed numbers.
            shown = "" if printed == before else printed
            before = printed
            yield _start(expectation, cell) + shown + _verdict(plan, cell, worse[name])


def _start(expectation: Expectation, cell: Cell) -> str:
    lower = kinds.metric(cell.first.benchmark.metrics[0]).lower_is_better
    reason = f' (the paper: "{expectation.because}")' if expectation.because else ""
    return f"Expected {expectation.better} {'<' if lower else '>'} {expectation.worse}{reason}"


def _verdict(plan: Plan, better: Cell, worse: Cell) -> str:
    scale, metric = plan.config.scale, better.first.benchmark.metrics[0]
    if [scores.planned for scores in better.each] == [scores.planned for scores in worse.each]:
        return f": cannot be seen at scale {scale}, where both are the same run."
    column = comparable.column(better.first, metric)
    first, second = better.of(metric), worse.of(metric)
    if first is None or second is None:
        return f": not measured in {column}."
    same_trainings = bool(better.seeds) and _trainings(better) == _trainings(worse)
    paired = same_trainings or quantities.same_repeats(first, second)
    lower = kinds.metric(metric).lower_is_better
    ordered = (second, first) if lower else (first, second)
    difference = quantities.difference(*ordered, paired)
    # Of the digits that are printed, so that the table agrees with itself.
    shown = [Decimal(quantities.digits(metric, numbers.mean)) for numbers in (first, second)]
    gain, unit = shown[0] - shown[1], quantities.points(metric)
    verdict = f"seen, by {abs(gain)}{unit}"
    if difference.verdict != "seen":
        verdict = f"{difference.verdict} at scale {scale}, {gain:+}{unit}"
    numbers = f"{first.text(metric)} and {second.text(metric)} in {column}"
    fixed = first.is_fixed and second.is_fixed
    certainty = "" if fixed else _certainty(difference, paired, metric)
    return f": {verdict} ({numbers}{certainty})."


def _trainings(cell: Cell) -> list[str]:
    """Folders of the weights of each seed."""
    return [str(scores.planned.run.folder) for scores in cell.each]


def _certainty(difference: Difference, paired: bool, metric: str) -> str:
    """The standard error that the verdict rests on."""
    if difference.error is None:
        return "; one seed decides nothing"
    manner = ", subtracted seed by seed" if paired else ""
    width = quantities.digits(metric, quantities.STANDARD_ERRORS * difference.error)
    return f"; two standard errors of the difference{manner}: {width}{quantities.points(metric)}"


def _printed(
    declaration: TableDeclaration,
    expectation: Expectation,
    cell: Cell,
    cited: Mapping[str, published.Row],
) -> str:
    """The differences that the paper prints, if it has both rows."""
    labels = {row.label: row.published for row in declaration.rows}
    first, second = (
        cited.get(labels[row] or "") for row in (expectation.better, expectation.worse)
    )
    if first is None or second is None:
        return ""
    better, worse = first.values, second.values
    metric = comparable.published_metric(cell, cell.first.benchmark.metrics[0])
    settings = cell.first.benchmark.published_settings.items()
    names = published.headings([first, second])
    differences = [
        f"{Decimal(better[key].text) - Decimal(worse[key].text):+} "
        f"{names[key].removeprefix(f'{metric} ')}"
        for key in better
        if key in worse and key.metric == metric and settings <= dict(key.settings).items()
    ]
    return f" (printed: {', '.join(differences)})" if differences else ""
