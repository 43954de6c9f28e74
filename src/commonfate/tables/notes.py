"""What a reader must know of a table: data, scorings, seeds, what is missing, whose numbers."""

from collections.abc import Iterator, Mapping, Sequence

from commonfate.evaluation import foreground, protocols
from commonfate.plan import Plan, RowDeclaration
from commonfate.settings import to_pairs
from commonfate.tables import columns, expected, measured, papers, published
from commonfate.tables.scores import Scores
from commonfate.tables.table import METHOD, SOURCE, Table

NAMED = 5
"""How many of the videos that were left out are named; all of them are in the provenance."""

Found = Sequence[tuple[RowDeclaration, list[Scores]]]
"""The declared rows with their scores."""


def write(table: Table, plan: Plan, found: Found, known: Mapping[str, published.Row]) -> list[str]:
    """Write the notes of a table whose rows are complete.

    Args:
        table: with its rows, files and videos.
        plan: the configuration with the declared tables.
        found: every evaluation of the table, by declared row.
        known: its published rows, by label.
    """
    scored = [one for _, chosen in found for one in chosen]
    by_sequence = plan.declarations[table.name].kind == "sequences"
    notes = [
        f"Measured at scale {plan.config.scale}, seed {plan.config.seed}.",
        *_flow(plan, found),
        *_benchmarks(plan, scored, "Means are" if by_sequence else "Numbers are"),
        *_scorings(scored),
        *expected.notes(plan, table.name, scored, known),
        left_out(table),
    ]
    if by_sequence:
        notes += _by_sequence(plan, found)
    else:
        notes.append(
            "Measured runtime is the median over frames of network, merging and upsampling on the "
            "device named; reading is not counted."
        )
    return [*notes, *_departures(found), *_differences(table, plan, scored), *papers.notes(known)]


def left_out(table: Table) -> str:
    """How many videos were left out, with the first of them and why."""
    count = f"{len(table.left_out)} of {table.videos} videos left out"
    named = [f"{one['dataset']}/{one['video']}: {one['reason']}" for one in table.left_out[:NAMED]]
    more = ["..."] if len(table.left_out) > NAMED else []
    return f"{count} ({'; '.join(named + more)})." if named else f"{count}."


def _flow(plan: Plan, found: Found) -> Iterator[str]:
    """A note on each flow source, with the networks of the papers that it stands for."""
    roles: dict[str, dict[str, None]] = {}
    for row, chosen in found:
        run = chosen[0].planned.run
        if run.settings.trained or run.settings.reads_flow:
            roles.setdefault(run.flow, {})
            if row.flow not in (None, run.flow):
                roles[run.flow][row.flow] = None
    for name, played in roles.items():
        source = plan.config.flow.sources[name]
        weights = f" with weights {source.weights}" if source.weights else ""
        stands = f"; it stands for {' and '.join(played)} at this scale" if played else ""
        yield f"Flow source {name}: estimator {source.estimator}{weights}{stands}."


def _benchmarks(plan: Plan, found: Sequence[Scores], what: str) -> Iterator[str]:
    """A note on the data of each benchmark, and on what its numbers may be compared with."""
    for one in {one.planned.benchmark: one for one in found}.values():
        benchmark = plan.config.benchmarks[one.planned.benchmark]
        learnt = {"all": "all videos"}.get(benchmark.train_split, f"split {benchmark.train_split}")
        elsewhere = f" of {', '.join(benchmark.train_datasets)}" if benchmark.train_datasets else ""
        reason = columns.incomparable(plan, one)
        apart = f" {what} not comparable with published ones: {reason}." if reason else ""
        yield (
            f"{columns.benchmark_label(plan, one)}: {columns.size(one)} of data set "
            f"{benchmark.dataset}, split {benchmark.split}; trained methods learn from {learnt}"
            f"{elsewhere}, without ground truth.{apart}"
        )


def _scorings(found: Sequence[Scores]) -> Iterator[str]:
    """A note on each way to read a number off predictions, and on what it is put together of."""
    for scoring in dict.fromkeys(one.planned.scoring for one in found):
        ones = [one.planned for one in found if one.planned.scoring == scoring]
        # What is not trained has no snapshots to choose from, so it is always `last`.
        first = next((one for one in ones if one.run.settings.trained), ones[0])
        looks = ["the foreground"] if foreground.get(first.foreground).looks_at_ground_truth else []
        looks += ["the checkpoint"] if first.checkpoint == "best" else []
        seen = (
            f"the ground truth chooses {' and '.join(looks)}" if looks else "sees no ground truth"
        )
        frames = dict.fromkeys(f"{one.protocol} on {one.benchmark}" for one in ones)
        yield (
            f"Scoring {scoring}: foreground {first.foreground}, checkpoint {first.checkpoint}, "
            f"protocol {', '.join(frames)}; {seen}."
        )
    for name in dict.fromkeys(one.planned.foreground for one in found):
        yield f"Foreground {name}: {foreground.get(name).description}"
    if any(one.planned.checkpoint == "best" for one in found):
        yield "Checkpoint best: of the snapshots of a training the one of highest J."
    for name in dict.fromkeys(one.planned.protocol for one in found):
        yield f"Protocol {name}: {protocols.get(name).description}"


def _by_sequence(plan: Plan, found: Found) -> Iterator[str]:
    """What the columns and the means of a table by sequence are."""
    for row, chosen in found:
        told = measured.describe(plan, row, chosen)
        facts = [
            f"{key} {text}"
            for key, text in told.items()
            if text != "none" and key not in (METHOD, SOURCE)
        ]
        yield f"Columns {row.label}: {', '.join(facts)}."
    yield (
        "J recall: share of frames with J above 0.5. J decay: J of the first quarter of a sequence "
        "minus that of the last. Average is over sequences, Frame Avg. over all scored frames."
    )


def _departures(found: Found) -> Iterator[str]:
    """What trained rows do otherwise than the paper: the defaults of settings are the paper's."""
    labels: dict[tuple[str, ...], list[str]] = {}
    for row, chosen in found:
        settings = chosen[0].planned.run.settings
        if settings.trained:
            as_declared = set(to_pairs(type(settings).model_validate(row.settings)))
            changed = tuple(pair for pair in to_pairs(settings) if pair not in as_declared)
            labels.setdefault(changed, []).append(row.label)
    for changed, rows in labels.items():
        if changed:
            said = f"Settings other than the defaults, which are the paper's, in {'; '.join(rows)}"
            yield f"{said}: {', '.join(changed)}."


AS_AUTHORS = "which chooses foreground and checkpoint as the authors did"
COMPARED = {
    "released": AS_AUTHORS,
    "released_images": AS_AUTHORS,
    "leak_free": "with foreground and checkpoint chosen without the ground truth, unlike published",
    "oracle_components": "the best assignment of components, as the paper's J with oracle",
}
"""What a scoring has in common with the published numbers, or not."""


def _differences(table: Table, plan: Plan, found: Sequence[Scores]) -> Iterator[str]:
    """What is subtracted from what."""
    compared: dict[str, dict[str, None]] = {}
    for one in found:
        for metric in plan.config.benchmarks[one.planned.benchmark].metrics:
            if columns.name(plan, one, metric) + columns.DIFFERENCE in table.headings:
                compared.setdefault(one.planned.scoring, {})[one.planned.benchmark] = None
    for scoring, benchmarks in compared.items():
        how = f", {COMPARED[scoring]}" if scoring in COMPARED else ""
        yield (
            f"A difference on {', '.join(benchmarks)} is {scoring} minus published, in points of "
            f"the printed digits{how}."
        )
