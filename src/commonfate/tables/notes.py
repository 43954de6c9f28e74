"""The notes of a table: data, scorings, seeds, what is missing, and differences from the papers.

Every note is a template filled with what `comparison` computed; rows that agree share a note.
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from commonfate.evaluation import kinds, protocols
from commonfate.plan import Plan, Run
from commonfate.published import rows as published
from commonfate.samples.kinds import KINDS
from commonfate.tables import comparable, expected, quantities, rows
from commonfate.tables.comparison import ONE_SEED, Comparison, NumberDifference
from commonfate.tables.scores import Cell, Scores
from commonfate.tables.table import METHOD, SOURCE, Table

K = TypeVar("K", bound=Hashable)
RUNTIME = (
    "Measured runtime is the median over frames of network, merging and upsampling on the device "
    "named; reading is not counted."
)
BY_SEQUENCE = (
    "J recall: share of frames with J above 0.5. J decay: J of the first quarter of a sequence "
    "minus that of the last. Average is over sequences, Frame Avg. over all scored frames."
)
SEES_NONE = "; sees no ground truth."
AS_AUTHORS = ", which chooses foreground and checkpoint as the authors did"
AS_PAPER = {
    "released": AS_AUTHORS,
    "released_images": AS_AUTHORS,
    "leak_free": ", which sees no ground truth, as the authors' choice of the object did not",
}
"""Remarks on a compared scoring where the paper's numbers come from the same one."""
UNLIKE_PAPER = {
    "leak_free": ", with foreground and checkpoint chosen without the ground truth, unlike "
    "published",
    "oracle_components": ", the best assignment of components, as the paper's J with oracle",
}
"""Remarks on a compared scoring where the paper's numbers come from another one."""
VERDICTS = {
    ONE_SEED: "Difference to published undecided, as of one seed",
    "within": "Difference to published within two standard errors of the mean",
    "beyond": "Difference to published beyond two standard errors of the mean",
}


def write(
    table: Table, plan: Plan, compared: Sequence[Comparison], known: Mapping[str, published.Row]
) -> list[str]:
    """Write the notes of a table whose rows are complete.

    Args:
        table: with its rows, files and videos.
        plan: the configuration with the declared tables.
        compared: the measured rows, compared with their papers.
        known: the published rows, by label.
    """
    by_sequence = plan.declarations[table.name].kind == "sequences"
    numbers = "Means are" if by_sequence else "Numbers are"
    return [
        _seeds(plan, table.name, compared),
        *_flow(plan, compared),
        *(_benchmark(scores, compared, known, numbers) for scores in _benchmarks(compared)),
        *_starts(compared),
        *_adaptation(compared),
        *_scorings(compared),
        *_metrics(compared),
        *expected.notes(plan, table.name, compared, known),
        table.left_out_note(),
        *filter(None, [plan.left_out(table.name)]),
        *(_by_sequence(plan, compared) if by_sequence else [RUNTIME]),
        *settings(compared),
        *_differences(compared),
        *_published(known),
    ]


def _grouped(pairs: Iterable[tuple[K, str]]) -> dict[K, list[str]]:
    """Labels by what they have in common, each once, in the order of the pairs."""
    groups: dict[K, dict[str, None]] = {}
    for key, label in pairs:
        groups.setdefault(key, {})[label] = None
    return {key: list(labels) for key, labels in groups.items()}


def _cells(compared: Iterable[Comparison]) -> list[tuple[str, Cell]]:
    """Cells of all rows, each with the row's label."""
    return [(row.label, cell) for row in compared for cell in row.cells]


def _seeds(plan: Plan, table: str, compared: Sequence[Comparison]) -> str:
    start = f"Measured at scale {plan.config.scale}"
    if not any(cell.seeds for _, cell in _cells(compared)):
        return f"{start}; nothing here is trained, so no number has a deviation."
    seeds = plan.config.seeds_of(table)
    if len(seeds) == 1:
        return (
            f"{start}, one seed: {seeds[0]}. How much another seed would change is not measured, "
            f"so no difference of what is trained is decided."
        )
    return (
        f"{start}, seeds {', '.join(map(str, seeds))}: mean ± sample standard deviation (n - 1 in "
        f"its denominator), and the number of seeds in brackets. What is not trained has one run "
        f"and no deviation."
    )


def _flow(plan: Plan, compared: Sequence[Comparison]) -> Iterator[str]:
    """A note a flow source, with the networks of the papers that it stands for."""
    roles = _grouped((row.run.flow, row.flow_role or "") for row in compared if row.run.flow)
    for name, played in roles.items():
        source = plan.config.flow.sources[name]
        weights = f" with weights {source.weights}" if source.weights else ""
        networks = " and ".join(filter(None, played))
        stands = f"; it stands for {networks} at this scale" if networks else ""
        yield f"Flow source {name}: estimator {source.estimator}{weights}{stands}."


def _benchmarks(compared: Sequence[Comparison]) -> Iterable[Scores]:
    """Scores of each benchmark; its data are the same in all."""
    return {cell.planned.benchmark: cell.first for _, cell in _cells(compared)}.values()


def _benchmark(
    scores: Scores,
    compared: Sequence[Comparison],
    known: Mapping[str, published.Row],
    numbers: str,
) -> str:
    """The data of a benchmark, and the published numbers that may not be compared with it."""
    papers = dict.fromkeys(row.paper for row in known.values() if row.paper not in published.CODE)
    by_paper = comparable.incomparable_by_paper(scores, papers)
    reasons = {paper: reason for paper, reason in by_paper.items() if reason}
    apart = ""
    if len(reasons) == len(by_paper):
        apart = f"published ones: {'; '.join(dict.fromkeys(reasons.values()))}"
    elif known:  # without published rows one paper with the same data is enough
        apart = "; ".join(f"those of {paper}: {reason}" for paper, reason in reasons.items())
    return (
        f"{comparable.benchmark_label(scores)}: {scores.size} of data set "
        f"{scores.benchmark.dataset}, split {scores.benchmark.split}"
        f"{_learnt_from(compared, scores.planned.benchmark)}."
        + (f" {numbers} not comparable with {apart}." if apart else "")
    )


def _learnt_from(compared: Sequence[Comparison], benchmark: str) -> str:
    """The data that the methods scored on a benchmark learnt from, as the end of a sentence."""
    runs = ((row.run_on(benchmark), row.label) for row in compared)
    labels = _grouped((_data(run), label) for run, label in runs if run.settings.trained)
    if len(labels) == 1:
        return f"; trained methods learn from {next(iter(labels))}"
    return "".join(f"; {' and '.join(each)}: learnt from {data}" for data, each in labels.items())


def _data(run: Run) -> str:
    """The data that a run learns from."""
    kind = KINDS[run.settings.learns_from]
    unseen = "" if kind.supervised else ", without ground truth"
    return f"{kind.words} of {' and '.join(run.datasets)}, split {run.split}{unseen}"


def _starts(compared: Sequence[Comparison]) -> Iterator[str]:
    pairs = ((runs, row.label) for row in compared for runs in row.starts())
    for runs, labels in _grouped(pairs).items():
        slugs = " and ".join(run.slug for run in runs)
        yield f"Start of {' and '.join(labels)}: weights of {slugs}, learnt from {_data(runs[0])}."


def _adaptation(compared: Sequence[Comparison]) -> Iterator[str]:
    adapted = (
        ((row.steps, row.row.adapt, KINDS[row.run.settings.learns_from].words), row.label)
        for row in compared
        if row.steps
    )
    for (steps, declared, samples), labels in _grouped(adapted).items():
        instead = "" if steps == declared else f" (the paper: {declared})"
        yield (
            f"Adaptation of {' and '.join(labels)}: {steps} steps{instead} of the training loss on "
            f"{samples} of each video, without ground truth, from the trained weights each time."
        )


def settings(compared: Sequence[Comparison]) -> Iterator[str]:
    """Name the settings of trained rows that differ from their paper's."""
    trainings = (training for row in compared for training in row.trainings)
    labels = _grouped((training.settings, training.label) for training in trainings)
    for changed, each in labels.items():
        if changed:
            yield (
                f"Settings other than the defaults, which are the paper's, in {'; '.join(each)}: "
                f"{', '.join(changed)}."
            )


def _scorings(compared: Sequence[Comparison]) -> Iterator[str]:
    """Explain the scorings of a table, then their rules, checkpoints and protocols."""
    cells = _cells(compared)
    planned = [cell.planned for _, cell in cells]
    for name in dict.fromkeys(cell.scoring for cell in planned):
        yield _scoring(name, [pair for pair in cells if pair[1].planned.scoring == name])
    for rule in dict.fromkeys(cell.foreground for cell in planned):
        yield from filter(None, [kinds.of_rule(rule).rule_note(rule)])
    best = [cell.scoring for cell in planned if cell.checkpoint == "best"]
    if best:
        metrics = dict.fromkeys(kinds.of_scoring(name).main_metric for name in best)
        yield (
            f"Checkpoint best: of a training's snapshots the one of highest "
            f"{' or '.join(metrics)}, by the same protocol and foreground."
        )
    for name in dict.fromkeys(cell.protocol for cell in planned):
        yield f"Protocol {name}: {protocols.get(name).description}"


def _scoring(name: str, cells: list[tuple[str, Cell]]) -> str:
    planned, kind = [cell.planned for _, cell in cells], kinds.of_scoring(name)
    # What is not trained has no snapshots to choose from, so it is always `last`.
    first = next((cell for cell in planned if cell.run.settings.trained), planned[0])
    frames = ", ".join(dict.fromkeys(f"{cell.protocol} on {cell.benchmark}" for cell in planned))
    labels = _grouped((cell.planned.foreground, label) for label, cell in cells)
    rules = ", ".join(f"{rule} ({' and '.join(each)})" for rule, each in labels.items())
    looks = any(kind.looks_at_ground_truth(rule) for rule in labels)
    chosen = ["the foreground"] * looks + ["the checkpoint"] * (first.checkpoint == "best")
    return (
        f"Scoring {name}: {kind.words(rules if len(labels) > 1 else first.foreground)}, checkpoint "
        f"{first.checkpoint}, protocol {frames}"
        + ("" if kind.is_average else ", which says here only which frames count")
        + (f"; the ground truth chooses {' and '.join(chosen)}." if chosen else SEES_NONE)
    )


def _metrics(compared: Sequence[Comparison]) -> Iterator[str]:
    shown = {metric for scores in _benchmarks(compared) for metric in scores.benchmark.metrics}
    notes = (metric.note for name, metric in kinds.metrics().items() if name in shown)
    yield from filter(None, notes)


def _by_sequence(plan: Plan, compared: Sequence[Comparison]) -> Iterator[str]:
    """Explain the columns and the means of a table by sequence."""
    for row in compared:
        texts = [
            f"{key} {text}"
            for key, text in rows.describe(plan, row).items()
            if text != "none" and key not in (METHOD, SOURCE)
        ]
        yield f"Columns {row.label}: {', '.join(texts)}."
    yield BY_SEQUENCE


def _differences(compared: Sequence[Comparison]) -> Iterator[str]:
    """Explain the differences to each paper in each scoring, and judge them."""
    groups: dict[tuple[str, str], list[tuple[str, NumberDifference]]] = {}
    papers: dict[str, published.Row] = {}
    for row in compared:
        for difference in row.differences:
            papers.setdefault(row.paper.paper, row.paper)
            key = difference.cell.planned.scoring, row.paper.paper
            groups.setdefault(key, []).append((row.label, difference))
    for (scoring, paper), pairs in groups.items():
        yield _difference(scoring, papers[paper].source, [difference for _, difference in pairs])
        yield from dict.fromkeys(remark for _, one in pairs for remark in _remarks(paper, one))
        judged = _grouped(
            (one.verdict, f"{label}, {one.metric} {one.cell.planned.benchmark}")
            for label, one in pairs
        )
        yield from (f"{VERDICTS[verdict]}: {'; '.join(each)}." for verdict, each in judged.items())


def _difference(scoring: str, source: str, differences: Sequence[NumberDifference]) -> str:
    names = dict.fromkeys(one.cell.planned.benchmark for one in differences)
    units = dict.fromkeys(
        f"units of {one.metric}" if quantities.is_fraction(one.metric) else "points"
        for one in differences
    )
    remarks = AS_PAPER if scoring == differences[0].scored_as.scoring else UNLIKE_PAPER
    return (
        f"A difference on {', '.join(names)} is {scoring} minus {source}, in {' and '.join(units)} "
        f"of the printed digits{remarks.get(scoring, '')}."
    )


def _remarks(paper: str, difference: NumberDifference) -> Iterator[str]:
    if difference.scored_as.average is None:
        yield f"{paper} does not say over what the means are taken that it prints."
    if difference.other_data:
        yield (
            f"Published numbers of {paper} are of methods that learnt from "
            f"{difference.scored_as.learnt_from}, measured ones learnt from "
            f"{' and '.join(difference.other_data)}."
        )


def _published(known: Mapping[str, published.Row]) -> Iterator[str]:
    """Name the sources of published rows, and the remarks of their transcription."""
    for paper, place in dict.fromkeys((row.paper, row.place) for row in known.values()):
        of_place = [row for row in known.values() if (row.paper, row.place) == (paper, place)]
        timed = ", runtimes there headed `sec`" if any(row.runtime for row in of_place) else ""
        source = of_place[0].source
        yield f"Rows `{source}`: {published.PAPERS[paper]}, {place}; as printed{timed}."
    remarks = _grouped(("; ".join(row.remarks), label) for label, row in known.items())
    yield from (f"Published {', '.join(each)}: {text}." for text, each in remarks.items() if text)
