"""Notes on the ways to read a number off predictions, and on what they are put together of."""

from collections.abc import Iterator

from commonfate.evaluation import protocols
from commonfate.evaluation.masks import foreground
from commonfate.plan import Evaluation
from commonfate.tables.scores import Found

CLASSES = foreground.CLASSES


def notes(found: Found) -> Iterator[str]:
    """Explain the scorings of a table, then their foregrounds, checkpoints and protocols."""
    cells = [(row.label, one.planned) for row, chosen in found for one in chosen]
    for scoring in dict.fromkeys(one.scoring for _, one in cells):
        yield _scoring(scoring, [cell for cell in cells if cell[1].scoring == scoring])
    every = [one for _, one in cells]
    for name in dict.fromkeys(one.foreground for one in every if one.foreground != CLASSES):
        yield f"Foreground {name}: {foreground.get(name).description}"
    if any(one.checkpoint == "best" for one in every):
        yield (
            "Checkpoint best: of a training's snapshots the one of highest J (classes: mIoU), by "
            "the same protocol and foreground."
        )
    for name in dict.fromkeys(one.protocol for one in every):
        yield f"Protocol {name}: {protocols.get(name).description}"


def _scoring(scoring: str, cells: list[tuple[str, Evaluation]]) -> str:
    ones = [one for _, one in cells]
    # What is not trained has no snapshots to choose from, so it is always `last`.
    first = next((one for one in ones if one.run.settings.trained), ones[0])
    frames = ", ".join(dict.fromkeys(f"{one.protocol} on {one.benchmark}" for one in ones))
    if first.foreground == CLASSES:
        return (
            f"Scoring {scoring}: every class by itself, checkpoint {first.checkpoint}, protocol "
            f"{frames}, which says here only which frames count."
        )
    looks = ["the foreground"] if _looks_at_ground_truth(ones) else []
    looks += ["the checkpoint"] if first.checkpoint == "best" else []
    seen = f"the ground truth chooses {' and '.join(looks)}" if looks else "sees no ground truth"
    return (
        f"Scoring {scoring}: foreground {_foregrounds(cells)}, checkpoint {first.checkpoint}, "
        f"protocol {frames}; {seen}."
    )


def _looks_at_ground_truth(ones: list[Evaluation]) -> bool:
    return any(foreground.get(one.foreground).looks_at_ground_truth for one in ones)


def _foregrounds(cells: list[tuple[str, Evaluation]]) -> str:
    """The rule, or, where methods have rules of their own, each with its rows."""
    labels: dict[str, dict[str, None]] = {}
    for label, one in cells:
        labels.setdefault(one.foreground, {})[label] = None
    if len(labels) == 1:
        return next(iter(labels))
    return ", ".join(f"{rule} ({' and '.join(rows)})" for rule, rows in labels.items())
