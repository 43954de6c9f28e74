"""Measured rows beside their papers: numbers that may be compared, and everything that differs.

`compare` computes the differences of a row once; `rows` shows them as numbers, `notes` as text.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from commonfate.base.settings import merged, to_pairs
from commonfate.plan import Plan, RowDeclaration, Run
from commonfate.published import rows as published
from commonfate.published.benchmarks import Benchmark
from commonfate.samples.kinds import KINDS
from commonfate.tables import comparable, quantities
from commonfate.tables.quantities import Difference, Numbers
from commonfate.tables.scores import Cell, by_metric

Verdict = Literal["one seed", "within", "beyond"]
"""Of a difference: undecided for want of seeds, or within or beyond two standard errors."""


@dataclass(frozen=True)
class NumberDifference:
    """A measured number and the one that the row's paper prints for the same thing."""

    cell: Cell
    metric: str
    numbers: Numbers
    paper: published.Row
    """The paper's own row for the same thing."""
    printed: published.Value
    scored_as: Benchmark
    """The benchmark as the paper scores it."""
    other_data: tuple[str, ...]
    """Data sets learnt from without labels, if the paper always learns from another kind."""

    @property
    def name(self) -> str:
        """Metric and benchmark."""
        return f"{self.metric} {self.cell.planned.column}"

    @property
    def text(self) -> str:
        """Measured minus printed, as the table shows it: of the digits that are printed."""
        shown = Decimal(quantities.digits(self.metric, self.numbers.mean))
        return f"{shown - Decimal(self.printed.text):+}{self.numbers.spread(self.metric)}"

    @property
    def verdict(self) -> Verdict:
        """Within or beyond two standard errors of our mean; the paper's are seldom printed."""
        if self.numbers.error is None:
            return "one seed"
        printed = quantities.share(self.metric, self.printed.text)
        difference = Difference(self.numbers.mean - printed, self.numbers.error)
        return "within" if difference.verdict == "undecided" else "beyond"


@dataclass(frozen=True)
class Training:
    """A training that a row needs."""

    label: str
    """The row, or `the start of` it."""
    run: Run
    settings: tuple[str, ...]
    """Settings that differ from the paper's, which are the defaults, as `key=value`."""


@dataclass(frozen=True)
class Comparison:
    """A measured row, and how it differs from its paper."""

    row: RowDeclaration
    cells: list[Cell]
    """Its scores: benchmarks, then scorings."""
    differences: list[NumberDifference]
    """Numbers that may be compared with the paper's."""
    trainings: list[Training]
    """Its trainings, the one that it starts from last."""

    @property
    def label(self) -> str:
        """The row's name."""
        return self.row.label

    @property
    def run(self) -> Run:
        """The run of the first seed on the first benchmark."""
        return self.cells[0].planned.run

    @property
    def steps(self) -> int:
        """Steps of adaptation; `row.adapt` has the declared ones."""
        return self.cells[0].planned.adapt

    @property
    def flow_role(self) -> str | None:
        """Role that the flow source plays if its name is another one, e.g. `raft` for `dis`."""
        return self.row.flow if self.row.flow != self.run.flow else None

    def run_on(self, benchmark: str) -> Run:
        """The run of the first seed on a benchmark."""
        cells = (cell for cell in self.cells if cell.planned.column == benchmark)
        return next(cells).planned.run

    def starts(self) -> list[tuple[Run, ...]]:
        """Runs that the row's trainings start from, one a seed, for each set of trainings."""
        by_seed = dict.fromkeys(
            tuple(scores.planned.run for scores in cell.each) for cell in self.cells
        )
        starts = (tuple(run.start for run in runs if run.start) for runs in by_seed)
        return [runs for runs in starts if runs]


def compare(
    plan: Plan,
    table: str,
    row: RowDeclaration,
    cells: list[Cell],
    cited: Mapping[str, published.Row],
) -> Comparison:
    """Compare a measured row with its paper.

    Args:
        plan: the configuration with the declared tables.
        table: one of them.
        row: one of its rows.
        cells: its scores: benchmarks, then scorings.
        cited: the published rows of the table, by label.
    """
    paper, declaration = cited.get(row.published or ""), plan.declarations[table]
    differences: list[NumberDifference] = []
    if paper is not None and declaration.kind == "comparison":
        for cell, metric in by_metric(cells):
            numbers = cell.of(metric)
            scored_as = comparable.scored_as(cell, paper, declaration.scorings)
            if numbers and scored_as and (printed := comparable.printed(cell, metric, paper)):
                data = _other_data(plan, cell.planned.run, scored_as)
                differences.append(
                    NumberDifference(cell, metric, numbers, paper, printed, scored_as, data)
                )
    trainings = list(_trainings(row, cells[0].planned.run))
    return Comparison(row, cells, differences, trainings)


def _other_data(plan: Plan, run: Run, scored_as: Benchmark) -> tuple[str, ...]:
    """Data sets learnt from without labels where the paper always learns from another kind."""
    unlabelled = run.start or (None if KINDS[run.settings.learns_from].supervised else run)
    if scored_as.learnt_from is None or unlabelled is None:
        return ()
    adapters = {plan.config.datasets[name].adapter for name in unlabelled.datasets}
    return () if adapters == {scored_as.learnt_from} else unlabelled.datasets


def _trainings(row: RowDeclaration, run: Run) -> Iterator[Training]:
    if not run.settings.trained:
        return
    declared = row.settings
    if run.start is not None and row.start is not None:
        # The weights that a training starts from are declared, too, if not by their path.
        declared = merged(declared, {"start": run.settings.start})
    yield Training(row.label, run, _changed(run, declared))
    if run.start is not None and row.start is not None:
        changed = _changed(run.start, row.start.settings)
        yield Training(f"the start of {row.label}", run.start, changed)


def _changed(run: Run, declared: Mapping[str, Any]) -> tuple[str, ...]:
    """Settings of a run that neither its row declares nor the paper has."""
    expected = set(to_pairs(type(run.settings).model_validate(declared)))
    return tuple(pair for pair in to_pairs(run.settings) if pair not in expected)
