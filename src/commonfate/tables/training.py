"""Notes on what the methods of a table learnt from, and how."""

from collections.abc import Iterator, Mapping
from typing import Any

from commonfate.base.settings import merged, to_pairs
from commonfate.plan import Run
from commonfate.samples.kinds import KINDS
from commonfate.tables.scores import Found


def of_benchmark(found: Found, benchmark: str) -> str:
    """What the methods that segment a benchmark learnt from, as the end of a sentence."""
    labels: dict[str, list[str]] = {}
    for row, chosen in found:
        run = next(cell.planned.run for cell in chosen if cell.planned.benchmark == benchmark)
        if run.settings.trained:
            labels.setdefault(_data(run), []).append(row.label)
    if len(labels) == 1:
        return f"; trained methods learn from {next(iter(labels))}"
    return "".join(f"; {' and '.join(rows)}: learnt from {data}" for data, rows in labels.items())


def notes(found: Found) -> Iterator[str]:
    """Say which rows start from another run, and which adapt to each video."""
    starts: dict[tuple[Run, ...], list[str]] = {}
    adapted: dict[tuple[int, int, str], list[str]] = {}
    for row, chosen in found:
        for runs in dict.fromkeys(tuple(one.planned.run for one in cell.each) for cell in chosen):
            if runs[0].start is not None:
                starts.setdefault(tuple(run.start for run in runs), []).append(row.label)
        if steps := chosen[0].planned.adapt:
            kind = KINDS[chosen[0].planned.run.settings.learns_from].words
            adapted.setdefault((steps, row.adapt, kind), []).append(row.label)
    for runs, rows in starts.items():
        slugs = " and ".join(run.slug for run in runs)
        yield f"Start of {' and '.join(rows)}: weights of {slugs}, learnt from {_data(runs[0])}."
    for (steps, declared, kind), rows in adapted.items():
        instead = "" if steps == declared else f" (the paper: {declared})"
        yield (
            f"Adaptation of {' and '.join(rows)}: {steps} steps{instead} of the training loss on "
            f"{kind} of each video, without ground truth, from the trained weights each time."
        )


def departures(found: Found) -> Iterator[str]:
    """What trained rows do otherwise than the paper: the defaults of settings are the paper's."""
    labels: dict[tuple[str, ...], list[str]] = {}
    for label, run, declared in _trainings(found):
        as_declared = set(to_pairs(type(run.settings).model_validate(declared)))
        changed = tuple(pair for pair in to_pairs(run.settings) if pair not in as_declared)
        labels.setdefault(changed, []).append(label)
    for changed, rows in labels.items():
        if changed:
            said = f"Settings other than the defaults, which are the paper's, in {'; '.join(rows)}"
            yield f"{said}: {', '.join(changed)}."


def _trainings(found: Found) -> Iterator[tuple[str, Run, Mapping[str, Any]]]:
    """Every training with the settings that its row declares."""
    for row, chosen in found:
        run = chosen[0].planned.run
        if not run.settings.trained:
            continue
        if run.start is None or row.start is None:
            yield row.label, run, row.settings
        else:
            # Which weights it starts from is declared, too, if not by their path.
            yield row.label, run, merged(row.settings, {"start": run.settings.start})
            yield f"the start of {row.label}", run.start, row.start.settings


def _data(run: Run) -> str:
    """What a run learns from."""
    kind = KINDS[run.settings.learns_from]
    unseen = "" if kind.supervised else ", without ground truth"
    return f"{kind.words} of {' and '.join(run.datasets)}, split {run.split}{unseen}"
