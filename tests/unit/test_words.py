"""Words of the source: docstrings define, and names say what a thing is."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import commonfate

ROOT = Path(commonfate.__file__).parent
QUESTION = re.compile(r"(What|Whether|How|Which|Where|When|Who|Why)\b")
"""A docstring that begins so asks instead of defining; write a noun phrase or an imperative."""
NAMES = {"one", "found", "told", "made", "known", "how", "facts", "what", "said", "wanted"}
"""Names that say nothing of their value."""


def docstrings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Docstrings of modules, classes and functions, and of attributes, with their lines."""
    for node in ast.walk(tree):
        match node:
            case ast.Expr(value=ast.Constant(value=str(text))):
                yield node.lineno, text


def names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Names of variables, arguments, functions and attributes that are set, with their lines."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield node.lineno, name
            case ast.arg(arg=name) | ast.FunctionDef(name=name):
                yield node.lineno, name


def faults(text: str) -> list[str]:
    """Lines of a source that break the rules, with the words."""
    tree = ast.parse(text)
    return [
        *(
            f"{line}: {doc.splitlines()[0]}"
            for line, doc in docstrings(tree)
            if QUESTION.match(doc)
        ),
        *(f"{line}: {name}" for line, name in names(tree) if name.strip("_") in NAMES),
    ]


def test_docstrings_define_and_names_say_what_a_thing_is() -> None:
    files = sorted(ROOT.rglob("*.py"))
    assert not [
        f"{path.relative_to(ROOT)}:{fault}"
        for path in files
        for fault in faults(path.read_text(encoding="utf-8"))
    ]


@pytest.mark.parametrize(
    "text",
    [
        '"""What a module is."""',
        'def f():\n    """Whether it is so."""',
        'a = 1\n"""How many."""',
        "one = 1",
        "def f(facts): ...",
        "for found in (): ...",
    ],
)
def test_faults_are_seen(text: str) -> None:
    assert len(faults(text)) == 1
