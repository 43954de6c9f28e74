"""A table's provenance as a tree that people read: number, evaluation, prediction, run, data."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.text import Text
from rich.tree import Tree

from commonfate.base.errors import ConfigError
from commonfate.base.settings import unknown
from commonfate.methods.settings import MethodsConfig
from commonfate.tables import lineage
from commonfate.tables.own_settings import flat
from commonfate.tables.table import MEASURED

LISTED = 16
"""How many inputs of a kind are listed; all of them are in the provenance file."""
TOLD = {"verb", "settings", "inputs", "code", "python", "libraries", "time", "listing"}
TOLD |= {"changed", "problem", "code_sha256"}
"""Parts of a record that have their own place in the tree, or none."""


def choose(
    document: Mapping[str, Any], row: str | None, column: str | None
) -> list[dict[str, Any]]:
    """The cells in a row, in a column, or in both; None is all of them.

    Several are in both where a measured and a published row have the same label.

    Raises:
        ConfigError: there is no such row or column, or the row has no number there.
    """
    in_row = [cell for cell in document["cells"] if row in (None, cell["row"])]
    if not in_row:
        known = dict.fromkeys(cell["row"] for cell in document["cells"])
        raise ConfigError(f"--row: {row!r}{unknown(str(row), known)}")
    found = [cell for cell in in_row if column in (None, cell["column"])]
    if not found:
        of_row = "" if row is None else f" of row {row!r}"
        known = dict.fromkeys(cell["column"] for cell in in_row)
        raise ConfigError(f"--column: {column!r}{of_row}{unknown(str(column), known)}")
    return found


def tree(document: Mapping[str, Any], cells: Sequence[Mapping[str, Any]], edited: bool) -> Tree:
    """Draw where numbers come from.

    Args:
        document: what `provenance.document` made.
        cells: those of its cells that are wanted.
        edited: whether the CSV is no longer the one that was written with it.
    """
    root = Tree(_title(document, edited))
    drawing = _Drawing(document["files"])
    for (row, source), group in _by_row(cells).items():
        label = Text(f"{row} ({source})", style="bold")
        branch = root.add(label.append(_paper(group[0]) if source != MEASURED else ""))
        for cell in group:
            drawing.cell(branch, cell)
    return root


def _title(document: Mapping[str, Any], edited: bool) -> Text:
    made, left_out = document["provenance"], document["left_out"]
    label = Text(f"{document['title']} ({document['table']})")
    label.append(f"\nmade {made['time']} by commonfate {made['code']}", style="dim")
    label.append(f"\n{left_out['count']} of {left_out['of']} videos left out")
    for video in left_out["videos"][:LISTED]:
        name = f"{video['dataset']}/{video['video']}"
        label.append(f"\n  {name}: {video['reason']}  {video['source']}")
    if edited:
        label.append("\nthe CSV has changed since it was made", style="bold red")
    return label


def _by_row(cells: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], list[Mapping[str, Any]]]:
    rows: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for cell in cells:
        rows.setdefault((cell["row"], cell["source"]), []).append(cell)
    return rows


class _Drawing:
    """Draws each file once; later it says `as above`."""

    def __init__(self, files: Mapping[str, Any]) -> None:
        self.files = files
        self.drawn: set[str] = set()

    def cell(self, parent: Tree, cell: Mapping[str, Any]) -> None:
        label = Text(f"{cell['column']} = {cell['value']}", style="cyan")
        if cell["source"] != MEASURED:
            parent.add(label.append(_line(cell)))
            return
        branch = parent.add(label)
        if "minus" in cell:
            minus = cell["minus"]
            branch.add(Text(f"minus {minus['printed']}").append(_paper(minus)).append(_line(minus)))
        for path, digest in cell["evaluations"].items():
            self.file(branch, path, digest, lineage.changed({"inputs": {path: digest}}))

    def file(self, parent: Tree, path: str, digest: str, changed: Iterable[str]) -> None:
        """Draw a file, as the one who used it has recorded it, and what it was made of."""
        label = Text(path, style="green" if path in self.files else "")
        label.append(f"  sha256 {digest[:12]}" if digest else "", style="dim")
        if path in changed:
            label.append("  CHANGED SINCE", style="bold red")
        if not Path(path).exists():
            label.append("  not there now", style="yellow")
        node = self.files.get(path)
        if node is None:
            parent.add(label)
        elif path in self.drawn:
            parent.add(label.append("  as above", style="dim"))
        else:
            self.drawn.add(path)
            label.append(_described(node))
            self._inputs(parent.add(label), node)

    def _inputs(self, branch: Tree, node: Mapping[str, Any]) -> None:
        changed = {*node.get("changed", ()), *lineage.changed(node)}
        changed |= lineage.products(dict.fromkeys(changed, "")).keys()
        videos = node.get("listing", [])
        sources = {video["source"] for video in videos}
        products = lineage.products(node["inputs"])
        inputs = {path: digest for path, digest in products.items() if path not in sources}
        # What was changed comes first, so that no list is too long to show it.
        order = sorted(inputs, key=lambda path: (path not in changed, path not in self.files))
        for path in order[:LISTED]:
            self.file(branch, path, inputs[path], changed)
        _more(branch, len(order), "inputs")
        for video in sorted(videos, key=lambda one: one["source"] not in changed)[:LISTED]:
            branch.add(_video(video, changed))
        _more(branch, len(videos), "videos")


def _more(branch: Tree, count: int, what: str) -> None:
    if count > LISTED:
        branch.add(Text(f"... and {count - LISTED} more {what}", style="dim"))


def _video(video: Mapping[str, Any], changed: Iterable[str]) -> Text:
    text = Text(f"video {video['id']} ({video['split']}, {video['frames']} frames)  ")
    text.append(video["source"])
    text.append(f"  sha256 {video['sha256'][:12]}" if video["sha256"] else "", style="dim")
    if video["status"] != "ok":
        text.append(f"  LEFT OUT: {video['reason']}", style="yellow")
    if video["source"] in changed:
        text.append("  CHANGED SINCE", style="bold red")
    return text


def _described(node: Mapping[str, Any]) -> Text:
    """How a file was made: verb, settings, other facts."""
    if "problem" in node:
        return Text(f"\n{node['problem']}", style="yellow")
    text = Text(f"\n{node.get('verb', '')}: {_settings(node.get('settings'))}")
    facts = flat({key: value for key, value in node.items() if key not in TOLD})
    made = f"made {node.get('time', 'at an unknown time')} by {node.get('code', 'unknown code')}"
    return text.append(f"\n{', '.join([*facts, made])}", style="dim")


def _settings(settings: Any) -> str:
    """All settings; of a method, those that are not its defaults, which are the paper's."""
    if not isinstance(settings, Mapping):
        return "" if settings is None else str(settings)
    method = MethodsConfig.model_fields.get(settings.get("method"))
    if method is None:
        return ", ".join(flat(settings)) or "no settings"
    usual = flat(method.annotation().model_dump(mode="json"))
    own = [word for word in flat(settings) if word not in usual]
    return f"{settings['method']} with {', '.join(own) or 'its defaults'}"


def _paper(origin: Mapping[str, Any]) -> Text:
    place = f"{origin['paper']}, {origin['place']}, row {origin['paper_row']}"
    return Text(f"  {place}", style="not bold")


def _line(origin: Mapping[str, Any]) -> Text:
    note = f"  ({origin['note']})" if origin["note"] else ""
    return Text(f"  {origin['transcription']}{note}", style="dim")
