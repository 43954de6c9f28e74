"""Directions that a paper shows, and whether the measured numbers show them, too."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from commonfate.plan import Expectation, Plan, TableDeclaration
from commonfate.tables import columns, measured, published, units
from commonfate.tables.scores import Scores


def notes(
    plan: Plan, table: str, found: Sequence[Scores], known: Mapping[str, published.Row]
) -> Iterator[str]:
    """Compare rows as the declaration says that the paper has them.

    Args:
        plan: the configuration with the declared tables.
        table: which table.
        found: its scores; each benchmark is judged by its first metric.
        known: its published rows, by label.
    """
    declaration = plan.declarations[table]
    rows = {row.label: list(plan.row(table, row)) for row in declaration.rows}
    by_cell = {one.planned: one for one in found}
    for expected in declaration.expects:
        pairs = zip(rows[expected.better], rows[expected.worse], strict=True)
        for better, worse in pairs:
            if better.scoring == expected.scoring:
                pair = by_cell[better], by_cell[worse]
                yield _note(plan, declaration, expected, pair, known)


def _note(
    plan: Plan,
    declaration: TableDeclaration,
    expected: Expectation,
    pair: tuple[Scores, Scores],
    known: Mapping[str, published.Row],
) -> str:
    one = pair[0]
    metric = plan.config.benchmarks[one.planned.benchmark].metrics[0]
    than = "<" if metric in units.LOWER_IS_BETTER else ">"
    start = f"Expected {expected.better} {than} {expected.worse}"
    start += f' (the paper: "{expected.because}")' if expected.because else ""
    start += _printed(declaration, expected, measured.published_metric(one, metric), known)
    if pair[0].planned == pair[1].planned:
        return f"{start}: cannot be seen at scale {plan.config.scale}, where both are the same run."
    column = columns.name(plan, one, metric)
    texts = [scores.text(metric) for scores in pair]
    if None in texts:
        return f"{start}: not measured in {column}."
    gain, unit = units.gain(metric, *texts), units.points(metric)
    numbers = f"{texts[0]} and {texts[1]} in {column}"
    if gain > 0:
        return f"{start}: seen, by {gain}{unit} ({numbers})."
    difference = Decimal(texts[0]) - Decimal(texts[1])
    seen = f"NOT SEEN at scale {plan.config.scale}, {difference:+}{unit}"
    return f"{start}: {seen} ({numbers})."


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
