"""A table's provenance in a few lines a number: what it was read off, who made that, of what data.

Shards are folded, settings are told where they differ from the default, and what several rows share
is told once. `explain` tells everything.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from commonfate.tables import lineage, own_settings
from commonfate.tables.table import MEASURED

ORDER = ("predict", "train", "samples", "flow", "manifest", "frames")
"""Verbs from the number to the data; others come last."""
FACTS = ("seed", "device", "estimator")
"""What else a line tells of a record."""
SHOWN = 4
"""How many of the inputs that have changed, and of the videos that were left out, are named."""


def describe(
    document: Mapping[str, Any],
    cells: Sequence[Mapping[str, Any]],
    edited: bool,
    every_number: bool,
) -> Iterator[str]:
    """Tell where numbers come from, line by line.

    Args:
        document: what `provenance.document` made.
        cells: those of its cells that are wanted.
        edited: whether the CSV is no longer the one that was written with it.
        every_number: tell of the papers' numbers, too, not only how many rows they are.
    """
    yield from _title(document, edited)
    writer, papers = _Writer(document["files"]), set()
    rows: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for cell in cells:
        rows.setdefault((cell["row"], cell["source"]), []).append(cell)
    for (row, source), group in rows.items():
        if source == MEASURED:
            yield f"\n{row}"
            yield from writer.row(group)
        elif every_number:
            yield f"\n{row} ({source})"
            yield from (f"  {cell['column']} = {cell['value']}  {_paper(cell)}" for cell in group)
        else:
            papers.add((row, source))
    if papers:
        yield f"\n{len(papers)} rows of papers: --row NAME tells whence, --full of all"


def _title(document: Mapping[str, Any], edited: bool) -> Iterator[str]:
    made, left_out = document["provenance"], document["left_out"]
    yield f"{document['title']} ({document['table']})"
    yield f"made {made['time']} by commonfate {made['code']}"
    videos = [f"{one['dataset']}/{one['video']}: {one['reason']}" for one in left_out["videos"]]
    named = f" ({'; '.join(_shortened(videos))})" if videos else ""
    yield f"{left_out['count']} of {left_out['of']} videos left out{named}"
    if edited:
        yield "the CSV has changed since it was made"


@dataclass
class _Writer:
    """Tells of each file once."""

    files: Mapping[str, Mapping[str, Any]]
    told: set[str] = field(default_factory=set)
    changes: dict[str, list[str]] = field(default_factory=dict)

    def row(self, cells: Sequence[Mapping[str, Any]]) -> Iterator[str]:
        """The numbers of one measured row, then what they were made of."""
        changed: dict[str, None] = {}
        for cell in cells:
            yield f"  {cell['column']} = {cell['value']}  {_read_off(cell)}"
            changed |= dict.fromkeys(lineage.changed({"inputs": cell["evaluations"]}))
        scores = dict.fromkeys(path for cell in cells for path in cell["evaluations"])
        made_of = self._made_of(scores)
        changed |= dict.fromkeys(path for one in made_of for path in self._changed(one))
        new = [path for path in made_of if path not in self.told and path not in scores]
        yield from self._groups(new)
        if len(new) + len(scores) < len(made_of):
            yield "    the rest as above"
        self.told.update(made_of)
        if changed:
            yield f"    CHANGED SINCE: {', '.join(_shortened(list(changed)))}"

    def _made_of(self, paths: Iterable[str]) -> list[str]:
        """Products and all that they were made of, as far as there are records."""
        found: dict[str, None] = {}
        waiting = list(paths)
        while waiting:
            path = waiting.pop(0)
            if path in self.files and path not in found:
                found[path] = None
                waiting += lineage.products(self.files[path]["inputs"])
        return list(found)

    def _changed(self, path: str) -> list[str]:
        """Inputs of a file that are not what they were, when the table was made or now."""
        if path not in self.changes:
            node = self.files[path]
            self.changes[path] = [*node.get("changed", ()), *lineage.changed(node)]
        return self.changes[path]

    def _groups(self, paths: Sequence[str]) -> Iterator[str]:
        """A line for the files of one folder that one verb made, from the number to the data."""
        groups: dict[tuple[str, str], list[str]] = {}
        for path in paths:
            verb = self.files[path].get("verb", "")
            groups.setdefault((verb, _folder(verb, Path(path))), []).append(path)
        rank = {verb: place for place, verb in enumerate(ORDER)}
        method: set[str] = set()
        for (verb, folder), group in sorted(
            groups.items(), key=lambda item: rank.get(item[0][0], len(ORDER))
        ):
            where = group[0] if len(group) == 1 else f"{folder} ({len(group)} files)"
            words = self._words(verb, group)
            # A trained method is told of once, as it predicts.
            told = [word for word in words if verb != "train" or word not in method]
            method |= set(words)
            yield f"    {verb or 'no record'} {where}{': ' if told else ''}{', '.join(told)}"

    def _words(self, verb: str, paths: Sequence[str]) -> list[str]:
        """What the records of some files have in common."""
        nodes = [self.files[path] for path in paths]
        every = [
            [
                *own_settings.words(verb, node.get("settings")),
                *(f"{fact} {node[fact]}" for fact in FACTS if fact in node),
                *_videos(node),
                *([node["problem"]] if "problem" in node else []),
            ]
            for node in nodes
        ]
        return [word for word in every[0] if all(word in words for words in every)]


def _folder(verb: str, path: Path) -> str:
    """The folder that files of one line have in common: of a run, of a benchmark, of shards."""
    if verb == "predict":
        return str(path.parents[1])
    return str((lineage.run_of(path) if path.suffix == ".pt" else None) or path.parent)


def _read_off(cell: Mapping[str, Any]) -> str:
    """What a measured number is read off."""
    if "minus" in cell:
        return f"minus {cell['minus']['printed']}: {_paper(cell['minus'])}"
    paths = list(cell["evaluations"])
    return paths[0] if len(paths) == 1 else f"of {len(paths)} evaluations"


def _videos(node: Mapping[str, Any]) -> list[str]:
    """How many videos a manifest lists."""
    if "listing" not in node:
        return []
    left_out = sum(video["status"] != "ok" for video in node["listing"])
    return [f"{len(node['listing'])} videos", f"{left_out} left out"]


def _paper(origin: Mapping[str, Any]) -> str:
    note = f" ({origin['note']})" if origin["note"] else ""
    place = f"{origin['paper']}, {origin['place']}, row {origin['paper_row']}"
    return f"{place}; {origin['transcription']}{note}"


def _shortened(names: list[str]) -> list[str]:
    more = [f"and {len(names) - SHOWN} more"] if len(names) > SHOWN else []
    return names[:SHOWN] + more
