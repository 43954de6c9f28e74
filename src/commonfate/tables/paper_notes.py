"""Notes on papers: settings and numbers that differ from theirs, and the sources of their rows."""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from commonfate.published import rows as published
from commonfate.tables import quantities
from commonfate.tables.comparison import Comparison, NumberDifference

K = TypeVar("K", bound=Hashable)
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
    "one seed": "Difference to published undecided, as of one seed",
    "within": "Difference to published within two standard errors of the mean",
    "beyond": "Difference to published beyond two standard errors of the mean",
}


def grouped(pairs: Iterable[tuple[K, str]]) -> dict[K, list[str]]:
    """Labels by what they have in common, each once, in the order of the pairs."""
    groups: dict[K, dict[str, None]] = {}
    for key, label in pairs:
        groups.setdefault(key, {})[label] = None
    return {key: list(labels) for key, labels in groups.items()}


def settings(compared: Sequence[Comparison]) -> Iterator[str]:
    """Name the settings of trained rows that differ from their paper's."""
    trainings = (training for row in compared for training in row.trainings)
    labels = grouped((training.settings, training.label) for training in trainings)
    for changed, each in labels.items():
        if changed:
            yield (
                f"Settings other than the defaults, which are the paper's, in {'; '.join(each)}: "
                f"{', '.join(changed)}."
            )


def differences(compared: Sequence[Comparison]) -> Iterator[str]:
    """Explain the differences to each paper in each scoring, and judge them."""
    groups: dict[tuple[str, str], list[tuple[str, NumberDifference]]] = {}
    for row in compared:
        for difference in row.differences:
            key = difference.cell.planned.scoring, difference.paper.paper
            groups.setdefault(key, []).append((row.label, difference))
    for (scoring, paper), pairs in groups.items():
        numbers = [number for _, number in pairs]
        yield _difference(scoring, numbers)
        yield from dict.fromkeys(note for number in numbers for note in _remarks(paper, number))
        judged = grouped((number.verdict, f"{label}, {number.name}") for label, number in pairs)
        yield from (f"{VERDICTS[verdict]}: {'; '.join(each)}." for verdict, each in judged.items())


def _difference(scoring: str, differences: Sequence[NumberDifference]) -> str:
    names = dict.fromkeys(difference.cell.planned.benchmark for difference in differences)
    units = dict.fromkeys(
        f"units of {difference.metric}" if quantities.is_fraction(difference.metric) else "points"
        for difference in differences
    )
    remarks = AS_PAPER if scoring == differences[0].scored_as.scoring else UNLIKE_PAPER
    source = differences[0].paper.source
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


def sources(cited: Mapping[str, published.Row]) -> Iterator[str]:
    """Name the sources of published rows, and the remarks of their transcription."""
    for paper, place in dict.fromkeys((row.paper, row.place) for row in cited.values()):
        of_place = [row for row in cited.values() if (row.paper, row.place) == (paper, place)]
        timed = ", runtimes there headed `sec`" if any(row.runtime for row in of_place) else ""
        source = of_place[0].source
        yield f"Rows `{source}`: {published.PAPERS[paper]}, {place}; as printed{timed}."
    remarks = grouped(("; ".join(row.remarks), label) for label, row in cited.items())
    yield from (f"Published {', '.join(each)}: {text}." for text, each in remarks.items() if text)
