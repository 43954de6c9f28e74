"""Notes on papers: settings and numbers that differ from theirs, and the sources of their rows."""

from collections.abc import Iterator, Mapping, Sequence

from commonfate.published import rows as published
from commonfate.tables import feature_notes, quantities
from commonfate.tables.comparison import Comparison, NumberDifference
from commonfate.tables.grouping import grouped

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
OF_FEATURES = {
    True: ", the protocol of the authors' code",
    False: ", another protocol than that of the paper's numbers",
}
"""Remarks on scores of features in the paper's scoring, and in another."""
VERDICTS = {
    "one seed": "Difference to published undecided, as of one seed",
    "within": "Difference to published within two standard errors of the mean",
    "beyond": "Difference to published beyond two standard errors of the mean",
}


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
        yield from _verdicts(pairs)


def _verdicts(pairs: Sequence[tuple[str, NumberDifference]]) -> Iterator[str]:
    """Rows and their numbers by verdict; rows with the same numbers together."""
    for verdict, text in VERDICTS.items():
        judged = [(label, number.name) for label, number in pairs if number.verdict == verdict]
        by_label = grouped((label, name) for label, name in judged)
        rows = grouped((tuple(names), label) for label, names in by_label.items())
        each = [f"{' and '.join(labels)}, {', '.join(names)}" for names, labels in rows.items()]
        if each:
            yield f"{text}: {'; '.join(each)}."


def _difference(scoring: str, differences: Sequence[NumberDifference]) -> str:
    names = dict.fromkeys(difference.cell.planned.column for difference in differences)
    units = dict.fromkeys(
        f"units of {difference.metric}" if quantities.is_fraction(difference.metric) else "points"
        for difference in differences
    )
    as_paper = scoring == differences[0].scored_as.scoring
    remark = (AS_PAPER if as_paper else UNLIKE_PAPER).get(scoring, "")
    if feature_notes.are_features(differences[0].cell):
        remark = OF_FEATURES[as_paper]
    source = differences[0].paper.source
    return (
        f"A difference on {', '.join(names)} is {scoring} minus {source}, in {' and '.join(units)} "
        f"of the printed digits{remark}."
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
