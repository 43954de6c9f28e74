"""The rooms of the package stand on each other: imports go down, and never in a circle."""

from pathlib import Path

import pytest

import commonfate
from helpers import architecture

MODULES = architecture.modules(Path(commonfate.__file__).parent)
IMPORTS = architecture.imports(MODULES)


def test_every_room_has_its_layer() -> None:
    rooms = {architecture.room(module) for module in MODULES} - {"__init__"}
    assert rooms == set(architecture.LAYERS)


def test_a_room_imports_only_rooms_below_it() -> None:
    assert not architecture.climbing(IMPORTS)


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert not architecture.in_circles(IMPORTS)


@pytest.mark.parametrize("text", ["import commonfate.cli", "from commonfate.cli import options"])
def test_an_import_that_climbs_is_seen(text: str, tmp_path: Path) -> None:
    (tmp_path / "base.py").write_text(f"def late():\n    {text}\n")
    files = {"base": tmp_path / "base.py", "cli": tmp_path, "cli.options": tmp_path}
    graph = architecture.imports({"base": files["base"]} | dict.fromkeys(files, files["base"]))
    assert architecture.climbing({"base": graph["base"]})[0].startswith("base -> cli")


def test_a_circle_is_seen() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}, "e": set()}
    assert architecture.in_circles(graph) == {"b", "c"}
