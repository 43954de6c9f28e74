"""What `--help` promises: groups, examples that are right, options that mean the same."""

import re
import shlex

import pytest
from click.testing import CliRunner

from commonfate import cli
from commonfate.cli import EXAMPLES, GROUPS, VERBS
from helpers.verbs import COMMANDS, options, parsed


def help_of(name: str) -> str:
    result = CliRunner().invoke(cli.commonfate, [*name.split(), "--help"])
    assert result.exit_code == 0, result.output
    return result.output


def examples(text: str) -> list[str]:
    """Its commands, each in a line."""
    joined = re.sub(r"\\\n\s*", " ", text)
    return re.findall(r"^ {6}(commonfate .*)$", joined, re.M)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_verb_has_an_example_that_its_options_take(name):
    actual = examples(help_of(name))
    assert any(text.startswith(f"commonfate {name}") for text in actual), help_of(name)
    for text in actual:
        parsed(shlex.split(text))


def test_help_begins_with_three_commands_and_groups_all_verbs():
    text = help_of("")
    positions = [text.index(part) for part in (*EXAMPLES, *GROUPS)]
    assert positions == sorted(positions)
    assert len(EXAMPLES) == 3
    for name in VERBS:
        assert re.search(rf"^  {name} ", text, re.M)


@pytest.mark.parametrize("name", COMMANDS)
def test_common_options_are_the_same_in_every_verb(name):
    have = options(COMMANDS[name])
    assert ("--output" in have) == ("-o" in have)
    assert have.get("-o") is have.get("--output")
    if "--device" in have:
        assert list(have["--device"].type.choices) == ["auto", "cpu", "cuda"]
    if "--devices" in have:
        assert have["--devices"].metavar == "LIST"
    if "--threads" in have:
        assert have["--threads"].help.startswith("CPU threads")
        assert have["--threads"].help.endswith("[default: all cores]")
