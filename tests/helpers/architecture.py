"""Rooms, modules and imports of the package; `python tests/helpers/architecture.py` counts them.

Another tree is given by its `src` folder: `python tests/helpers/architecture.py /tmp/before/src`.
"""

import ast
import statistics
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import click

LAYERS = (
    "base",
    "weights",
    "models",
    "datasets",
    "storage",
    "videos",
    "flow",
    "foreground",
    "samples",
    "methods",
    "training",
    "prediction",
    "evaluation",
    "segmentation",
    "published",
    "scales",
    "config",
    "plan",
    "tables",
    "cli",
)
"""Rooms from the lowest: each may import those before it."""


def modules(package: Path) -> dict[str, Path]:
    """Files of a package by the name of the module in it, e.g. `flow.settings`."""
    paths = {path.relative_to(package).with_suffix(""): path for path in package.rglob("*.py")}
    return {".".join(name.parts).removesuffix(".__init__"): path for name, path in paths.items()}


def room(module: str) -> str:
    """The package or the file at the top that a module is in."""
    return module.split(".")[0]


def imports(files: Mapping[str, Path]) -> dict[str, set[str]]:
    """Other modules that each imports, in functions, too, but not for types alone."""
    return {
        module: {name for name in _imports(path, files) if name != module}
        for module, path in files.items()
    }


def _imports(path: Path, expected: Collection[str]) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=str(package), names=aliases):
                both = [(f"{package}.{alias.name}", package) for alias in aliases]
            case ast.Import(names=aliases):
                both = [(alias.name, alias.name) for alias in aliases]
            case _:
                continue
        for candidates in both:
            inside = [name.removeprefix("commonfate.") for name in candidates]
            yield from [name for name in inside if name in expected][:1]


def climbing(graph: Mapping[str, Collection[str]]) -> list[str]:
    """Imports that `LAYERS` does not allow, as `module -> module`."""
    place = {name: number for number, name in enumerate(LAYERS)}
    return [
        f"{module} -> {imported}"
        for module, names in graph.items()
        for imported in sorted(names)
        if place.get(room(imported), -1) > place.get(room(module), len(LAYERS))
    ]


def in_circles(graph: Mapping[str, Collection[str]]) -> set[str]:
    """Modules that are in a circle of imports, or between two."""
    left = {module: set(names) for module, names in graph.items()}
    for _ in range(2):  # without those that import none of the others, and that none imports
        while leaves := [module for module, names in left.items() if not names & left.keys()]:
            for module in leaves:
                del left[module]
        left = {m: {other for other, names in left.items() if m in names} for m in left}
    return set(left)


def _print_counts(source: Path) -> None:
    files = modules(source / "commonfate")
    graph = imports(files)
    lengths = [len(path.read_text(encoding="utf-8").splitlines()) for path in files.values()]
    arrows = {(room(a), room(b)) for a, names in graph.items() for b in names} - {
        (room(module), room(module)) for module in files
    }
    rooms: dict[str, set[str]] = {}
    for a, b in arrows:
        rooms.setdefault(a, set()).add(b)
        rooms.setdefault(b, set())
    click.echo(
        f"modules: {len(files)}, {sum(lengths)} lines, median {statistics.median(lengths):.0f}"
    )
    click.echo(f"of at most 50 lines: {sum(length <= 50 for length in lengths)}")
    click.echo(f"of more than 300 lines: {sum(length > 300 for length in lengths)}")
    click.echo(
        f"rooms: {len({room(module) for module in files})}, arrows between them: {len(arrows)}"
    )
    click.echo(f"modules in circles: {', '.join(sorted(in_circles(graph))) or 'none'}")
    click.echo(f"rooms in circles: {', '.join(sorted(in_circles(rooms))) or 'none'}")


if __name__ == "__main__":
    _print_counts(Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[2] / "src"))
