"""A table's whole provenance as a tree: number, evaluation, prediction, run, data."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.text import Text
from rich.tree import Tree

from commonfate.methods.settings import MethodsConfig
from commonfate.tables import provenance
from commonfate.tables.explain import Cell, by_row, flat, place, transcription
from commonfate.tables.table import MEASURED

LISTED = 16
"""Number of inputs of a kind that are listed; the provenance file has all of them."""
PLACED = {"verb", "settings", "inputs", "code", "python", "libraries", "time", "listing"}
PLACED |= {"changed", "problem", "code_sha256"}
"""Keys of a record that are shown elsewhere in the tree, or not at all."""


def tree(document: Mapping[str, Any], cells: Sequence[Cell], edited: bool) -> Tree:
    """Draw the origin of numbers.

    Args:
        document: see `provenance.document`.
        cells: some of its cells.
        edited: the CSV is no longer the one that was written with it.
    """
    root = Tree(_title(document, edited))
    drawing = _Drawing(document["files"])
    for (row, source), group in by_row(cells).items():
        label = Text(f"{row} ({source})", style="bold")
        branch = root.add(label.append(_place(group[0]) if source != MEASURED else ""))
        for cell in group:
            drawing.cell(branch, cell)
    return root


def _title(document: Mapping[str, Any], edited: bool) -> Text:
    record, left_out = document["provenance"], document["left_out"]
    label = Text(f"{document['title']} ({document['table']})")
    label.append(f"\nmade {record['time']} by commonfate {record['code']}", style="dim")
    label.append(f"\n{left_out['count']} of {left_out['of']} videos left out")
    for video in left_out["videos"][:LISTED]:
        name = f"{video['dataset']}/{video['video']}"
        label.append(f"\n  {name}: {video['reason']}  {video['source']}")
    if edited:
        label.append("\nthe CSV has changed since it was made", style="bold red")
    return label


class _Drawing:
    """Draws each file once, and then refers to it by `as above`."""

    def __init__(self, files: Mapping[str, Any]) -> None:
        self.files = files
        self.drawn: set[str] = set()

    def cell(self, parent: Tree, cell: Cell) -> None:
        """Draw a number with its evaluations, or with its place in a paper."""
        label = Text(f"{cell['column']} = {cell['value']}", style="cyan")
        if cell["source"] != MEASURED:
            parent.add(label.append(_transcription(cell)))
            return
        branch = parent.add(label)
        if "minus" in cell:
            minus = cell["minus"]
            branch.add(
                Text(f"minus {minus['printed']}")
                .append(_place(minus))
                .append(_transcription(minus))
            )
        for path, digest in cell["evaluations"].items():
            self.file(branch, path, digest, provenance.changed({"inputs": {path: digest}}))

    def file(self, parent: Tree, path: str, digest: str, changed: Iterable[str]) -> None:
        """Draw a file, with the hash that its user recorded, and the inputs that it was made of."""
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
        changed = {*node.get("changed", ()), *provenance.changed(node)}
        changed |= provenance.products(dict.fromkeys(changed, "")).keys()
        videos = node.get("listing", [])
        sources = {video["source"] for video in videos}
        products = provenance.products(node["inputs"])
        inputs = {path: digest for path, digest in products.items() if path not in sources}
        # Changed inputs come first, so that a long list shows them.
        order = sorted(inputs, key=lambda path: (path not in changed, path not in self.files))
        for path in order[:LISTED]:
            self.file(branch, path, inputs[path], changed)
        _more(branch, len(order), "inputs")
        for video in sorted(videos, key=lambda video: video["source"] not in changed)[:LISTED]:
            branch.add(_video(video, changed))
        _more(branch, len(videos), "videos")


def _more(branch: Tree, count: int, noun: str) -> None:
    if count > LISTED:
        branch.add(Text(f"... and {count - LISTED} more {noun}", style="dim"))


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
    """The record of a file: verb, settings, other keys, time."""
    if "problem" in node:
        return Text(f"\n{node['problem']}", style="yellow")
    text = Text(f"\n{node.get('verb', '')}: {_settings(node.get('settings'))}")
    others = flat({key: value for key, value in node.items() if key not in PLACED})
    time = f"made {node.get('time', 'at an unknown time')} by {node.get('code', 'unknown code')}"
    return text.append(f"\n{', '.join([*others, time])}", style="dim")


def _settings(settings: Any) -> str:
    """All settings; of a method, those that differ from its defaults, which are the paper's."""
    if not isinstance(settings, Mapping):
        return "" if settings is None else str(settings)
    if settings.get("method") not in MethodsConfig.model_fields:
        return ", ".join(flat(settings)) or "no settings"
    usual = flat(MethodsConfig().model_dump(mode="json")[settings["method"]])
    own = [word for word in flat(settings) if word not in usual]
    return f"{settings['method']} with {', '.join(own) or 'its defaults'}"


def _place(origin: Mapping[str, Any]) -> Text:
    return Text(f"  {place(origin)}", style="not bold")


def _transcription(origin: Mapping[str, Any]) -> Text:
    return Text(f"  {transcription(origin)}", style="dim")
