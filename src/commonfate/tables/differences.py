"""Notes on what is subtracted from what."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from commonfate.plan import Plan, Run
from commonfate.published import benchmarks
from commonfate.published import rows as published
from commonfate.samples.kinds import KINDS
from commonfate.tables import columns, measured, units
from commonfate.tables.scores import Found
from commonfate.tables.seeds import Difference, Numbers

AS_AUTHORS = "which chooses foreground and checkpoint as the authors did"
SAME = {
    "released": AS_AUTHORS,
    "released_images": AS_AUTHORS,
    "leak_free": "which sees no ground truth, as the authors' choice of the object did not",
}
"""What a scoring has in common with the published numbers, where it is the one of the paper."""
OTHER = {
    "leak_free": "with foreground and checkpoint chosen without the ground truth, unlike published",
    "oracle_components": "the best assignment of components, as the paper's J with oracle",
}
"""The same where the paper's numbers come from another scoring."""


@dataclass
class Group:
    """Differences of one scoring to one paper."""

    source: str
    how: str
    benchmarks: dict[str, None] = field(default_factory=dict)
    units: dict[str, None] = field(default_factory=dict)
    remarks: dict[str, None] = field(default_factory=dict)
    judged: dict[str, list[str]] = field(default_factory=dict)
    """Numbers by what their deviation says of the difference."""


def notes(
    plan: Plan, table: str, found: Found, known: Mapping[str, published.Row]
) -> Iterator[str]:
    """Say of each scoring whose differences are shown what they are.

    Args:
        plan: the configuration with the declared tables.
        table: which table.
        found: every evaluation of the table, by declared row.
        known: its published rows, by label.
    """
    for (scoring, _), group in _groups(plan, table, found, known).items():
        yield (
            f"A difference on {', '.join(group.benchmarks)} is {scoring} minus {group.source}, in "
            f"{' and '.join(group.units)} of the printed digits{group.how}."
        )
        yield from group.remarks
        for verdict, what in group.judged.items():
            yield f"{verdict}: {'; '.join(what)}."


def _groups(
    plan: Plan, table: str, found: Found, known: Mapping[str, published.Row]
) -> dict[tuple[str, str], Group]:
    groups: dict[tuple[str, str], Group] = {}
    for row, chosen in found:
        paper = known.get(row.published or "")
        if paper is None or plan.declarations[table].kind == "sequences":
            continue
        for one, metric in measured.by_metric(plan, chosen):
            numbers = one.of(metric)
            value = measured.comparable(plan, table, paper, one, metric)
            if numbers is None or value is None:
                continue
            facts = benchmarks.of(columns.published_as(plan, one.first) or "", paper.paper)
            scoring = one.planned.scoring
            how = (SAME if scoring == facts.scoring else OTHER).get(scoring)
            group = groups.setdefault(
                (scoring, paper.paper), Group(paper.source, f", {how}" if how else "")
            )
            what = f"{row.label}, {metric} {one.planned.benchmark}"
            group.judged.setdefault(_judged(numbers, value, metric), []).append(what)
            group.benchmarks[one.planned.benchmark] = None
            group.units[f"units of {metric}" if metric in units.FRACTIONS else "points"] = None
            group.remarks |= dict.fromkeys(_remarks(plan, facts, paper.paper, one.planned.run))
    return groups


def _judged(numbers: Numbers, value: published.Value, metric: str) -> str:
    """What the deviation over seeds says of a difference; the paper's own is seldom printed."""
    if numbers.error is None:
        return "Difference to published undecided, as of one seed"
    printed = units.share(metric, value.text)
    gap = Difference(numbers.mean - printed, numbers.error)
    within = "within" if gap.verdict == "undecided" else "beyond"
    return f"Difference to published {within} two standard errors of the mean"


def _remarks(plan: Plan, facts: benchmarks.Benchmark, paper: str, run: Run) -> Iterator[str]:
    """What else must be known of a difference."""
    if facts.average is None:
        yield f"{paper} does not say over what the means are taken that it prints."
    unlabelled = run.start or (None if KINDS[run.settings.learns_from].supervised else run)
    if facts.learnt_from is None or unlabelled is None:
        return
    if {plan.config.datasets[name].adapter for name in unlabelled.datasets} != {facts.learnt_from}:
        yield (
            f"Published numbers of {paper} are of methods that learnt from {facts.learnt_from}, "
            f"measured ones learnt from {' and '.join(unlabelled.datasets)}."
        )
