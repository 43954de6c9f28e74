"""Names of the package that the benchmarks use exist: they run seldom, and would notice late."""

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = sorted((Path(__file__).parents[2] / "benchmarks").glob("*.py"))
PACKAGE = "commonfate"


def lacking(source: str) -> Iterator[str]:
    """Names that a program imports from the package, or reads of its modules, and that it lacks."""
    tree = ast.parse(source)
    modules: dict[str, ModuleType] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == PACKAGE:
            parent = importlib.import_module(node.module)
            for alias in node.names:
                value = getattr(parent, alias.name, None) or _module(f"{node.module}.{alias.name}")
                if value is None:
                    yield f"{node.module}.{alias.name}"
                elif isinstance(value, ModuleType):
                    modules[alias.asname or alias.name] = value
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module = modules.get(node.value.id)
            if module is not None and not hasattr(module, node.attr):
                yield f"{module.__name__}.{node.attr}"


def _module(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        return None


@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.stem)
def test_names_of_the_package_exist(path):
    assert not list(lacking(path.read_text(encoding="utf-8")))


def test_names_that_it_lacks_are_seen():
    source = (
        "from commonfate.base import files, settings\nfrom commonfate.base.files import nothing\n"
    )
    assert list(lacking(f"{source}files.none_such()\nsettings.parse()")) == [
        "commonfate.base.files.nothing",
        "commonfate.base.files.none_such",
    ]
