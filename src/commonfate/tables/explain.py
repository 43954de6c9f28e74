"""A table's provenance in a few lines a number: evaluation, prediction, training and data.

Shards are folded, settings shown where they differ from the default, and what several rows share is
described once. `explain_tree` shows everything.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from commonfate.base.errors import ConfigError
from commonfate.base.settings import unknown
from commonfate.flow.settings import FlowConfig, FlowSource
from commonfate.methods.settings import MethodsConfig
from commonfate.tables import provenance
from commonfate.tables.table import MEASURED
from commonfate.videos.settings import DecodeConfig, FramesConfig

Cell = Mapping[str, Any]
"""A number with its origin, see `provenance.document`."""
ORDER = ("predict", "train", "samples", "flow", "manifest", "frames")
"""Verbs from the number to the data; others come last."""
SHOWN_KEYS = ("seed", "device", "estimator")
"""Keys of a record that a line shows beside its settings."""
SHOWN = 4
"""Number of changed inputs, and of left-out videos, that are named."""
PARTS = ("shard",)
"""Settings that tell the parts of one product apart."""
DEFAULTS: dict[str, Mapping[str, Any]] = {
    "frames": DecodeConfig().model_dump(mode="json") | FramesConfig().model_dump(mode="json"),
    "flow": FlowConfig().model_dump(mode="json", exclude={"sources"})
    | {"source": FlowSource(estimator="").model_dump(mode="json")},
    "predict": {"frames_of": "annotated", "resolution": "network", "frame_crop": "none"}
    | {"adapt_steps": 0, "crf": None, "adapt_seed": None},
}
"""Defaults of a verb's settings beside those of a method, by verb."""


def choose(document: Mapping[str, Any], row: str | None, column: str | None) -> list[Cell]:
    """The cells in a row, in a column, or in both; None is all of them.

    There are several of a row and a column if a measured and a published row share a label.

    Raises:
        ConfigError: there is no such row or column, or the row has no number there.
    """
    in_row = [cell for cell in document["cells"] if row in (None, cell["row"])]
    if not in_row:
        labels = dict.fromkeys(cell["row"] for cell in document["cells"])
        raise ConfigError(f"--row: {row!r}{unknown(str(row), labels)}")
    cells = [cell for cell in in_row if column in (None, cell["column"])]
    if not cells:
        of_row = "" if row is None else f" of row {row!r}"
        columns = dict.fromkeys(cell["column"] for cell in in_row)
        raise ConfigError(f"--column: {column!r}{of_row}{unknown(str(column), columns)}")
    return cells


def by_row(cells: Iterable[Cell]) -> dict[tuple[str, str], list[Cell]]:
    """Cells by label and source of their row."""
    rows: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells:
        rows.setdefault((cell["row"], cell["source"]), []).append(cell)
    return rows


def place(origin: Mapping[str, Any]) -> str:
    """Paper, table and row of a printed number."""
    return f"{origin['paper']}, {origin['place']}, row {origin['paper_row']}"


def transcription(origin: Mapping[str, Any]) -> str:
    """File and line of a printed number, with the note of whoever copied it."""
    note = f" ({origin['note']})" if origin["note"] else ""
    return f"{origin['transcription']}{note}"


def flat(values: Mapping[str, Any], parents: str = "") -> list[str]:
    """`key value` of every value, nested keys with dots."""
    words = []
    for key, value in values.items():
        if isinstance(value, Mapping):
            words += flat(value, f"{parents}{key}.")
        else:
            words.append(f"{parents}{key} {value}")
    return words


def own_settings(verb: str, settings: Any) -> list[str]:
    """Settings of a record that differ from their defaults, as `key value`.

    Args:
        verb: the `commonfate` verb that had them.
        settings: as the record has them; those of a method begin with its name.
    """
    if not isinstance(settings, Mapping):
        return [] if settings is None else [str(settings)]
    usual = flat(DEFAULTS.get(verb, {}))
    if settings.get("method") in MethodsConfig.model_fields:
        usual += flat(MethodsConfig().model_dump(mode="json")[settings["method"]])
    own = {key: value for key, value in settings.items() if key not in (*PARTS, "method")}
    name = [settings["method"]] if "method" in settings else []
    return [*name, *(word for word in flat(own) if word not in usual)]


def describe(
    document: Mapping[str, Any], cells: Sequence[Cell], edited: bool, every_number: bool
) -> Iterator[str]:
    """Describe the origin of numbers, line by line.

    Args:
        document: see `provenance.document`.
        cells: some of its cells.
        edited: the CSV is no longer the one that was written with it.
        every_number: also describe the papers' numbers, instead of counting their rows.
    """
    yield from _title(document, edited)
    writer, papers = _Writer(document["files"]), 0
    for (row, source), group in by_row(cells).items():
        if source == MEASURED:
            yield f"\n{row}"
            yield from writer.row(group)
        elif every_number:
            yield f"\n{row} ({source})"
            for cell in group:
                yield f"  {cell['column']} = {cell['value']}  {_printed(cell)}"
        else:
            papers += 1
    if papers:
        yield f"\n{papers} rows of papers: --row NAME tells whence, --full of all"


def _title(document: Mapping[str, Any], edited: bool) -> Iterator[str]:
    record, left_out = document["provenance"], document["left_out"]
    yield f"{document['title']} ({document['table']})"
    yield f"made {record['time']} by commonfate {record['code']}"
    videos = [
        f"{video['dataset']}/{video['video']}: {video['reason']}" for video in left_out["videos"]
    ]
    named = f" ({'; '.join(_shortened(videos))})" if videos else ""
    yield f"{left_out['count']} of {left_out['of']} videos left out{named}"
    if edited:
        yield "the CSV has changed since it was made"


@dataclass
class _Writer:
    """Describes each file once."""

    files: Mapping[str, Mapping[str, Any]]
    described: set[str] = field(default_factory=set)
    changes: dict[str, list[str]] = field(default_factory=dict)

    def row(self, cells: Sequence[Cell]) -> Iterator[str]:
        """The numbers of one measured row, then the files that they were made of."""
        changed: dict[str, None] = {}
        for cell in cells:
            yield f"  {cell['column']} = {cell['value']}  {_origin(cell)}"
            changed |= dict.fromkeys(provenance.changed({"inputs": cell["evaluations"]}))
        scores = dict.fromkeys(path for cell in cells for path in cell["evaluations"])
        paths = self._all_inputs(scores)
        changed |= dict.fromkeys(path for file in paths for path in self._changed(file))
        new = [path for path in paths if path not in self.described and path not in scores]
        yield from self._groups(new)
        if len(new) + len(scores) < len(paths):
            yield "    the rest as above"
        self.described.update(paths)
        if changed:
            yield f"    CHANGED SINCE: {', '.join(_shortened(list(changed)))}"

    def _all_inputs(self, paths: Iterable[str]) -> list[str]:
        """Files and all that they were made of, as far as there are records."""
        reached: dict[str, None] = {}
        waiting = list(paths)
        while waiting:
            path = waiting.pop(0)
            if path in self.files and path not in reached:
                reached[path] = None
                waiting += provenance.products(self.files[path]["inputs"])
        return list(reached)

    def _changed(self, path: str) -> list[str]:
        """Inputs of a file that had changed when the table was made, or have since."""
        if path not in self.changes:
            node = self.files[path]
            self.changes[path] = [*node.get("changed", ()), *provenance.changed(node)]
        return self.changes[path]

    def _groups(self, paths: Sequence[str]) -> Iterator[str]:
        """A line for the files of one verb in one folder, from the number to the data."""
        groups: dict[tuple[str, str], list[str]] = {}
        for path in paths:
            verb = self.files[path].get("verb", "")
            groups.setdefault((verb, _folder(verb, Path(path))), []).append(path)
        rank = {verb: number for number, verb in enumerate(ORDER)}
        method: set[str] = set()
        for (verb, folder), group in sorted(
            groups.items(), key=lambda item: rank.get(item[0][0], len(ORDER))
        ):
            files = group[0] if len(group) == 1 else f"{folder} ({len(group)} files)"
            words = self._shared_words(verb, group)
            # The settings of a method stand in the line of its predictions.
            shown = [word for word in words if verb != "train" or word not in method]
            method |= set(words)
            yield f"    {verb or 'no record'} {files}{': ' if shown else ''}{', '.join(shown)}"

    def _shared_words(self, verb: str, paths: Sequence[str]) -> list[str]:
        """The description that the records of some files share."""
        every = [_words(verb, self.files[path]) for path in paths]
        return [word for word in every[0] if all(word in words for words in every)]


def _words(verb: str, node: Mapping[str, Any]) -> list[str]:
    """Settings and other keys of a record, the number of videos of a manifest."""
    words = own_settings(verb, node.get("settings"))
    words += [f"{key} {node[key]}" for key in SHOWN_KEYS if key in node]
    if "listing" in node:
        left_out = sum(video["status"] != "ok" for video in node["listing"])
        words += [f"{len(node['listing'])} videos", f"{left_out} left out"]
    return words + ([node["problem"]] if "problem" in node else [])


def _folder(verb: str, path: Path) -> str:
    """The folder that files of one line share: of a run, of a benchmark, of shards."""
    if verb == "predict":
        return str(path.parents[1])
    return str((provenance.run_of(path) if path.suffix == ".pt" else None) or path.parent)


def _origin(cell: Cell) -> str:
    """The evaluations of a measured number, or the printed number that was subtracted."""
    if "minus" in cell:
        return f"minus {cell['minus']['printed']}: {_printed(cell['minus'])}"
    paths = list(cell["evaluations"])
    return paths[0] if len(paths) == 1 else f"of {len(paths)} evaluations"


def _printed(origin: Mapping[str, Any]) -> str:
    return f"{place(origin)}; {transcription(origin)}"


def _shortened(names: list[str]) -> list[str]:
    more = [f"and {len(names) - SHOWN} more"] if len(names) > SHOWN else []
    return names[:SHOWN] + more
