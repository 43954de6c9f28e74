"""What `--help` promises: groups, examples that are right, options that mean the same."""

import re
import shlex
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from commonfate import cli
from commonfate.cli.verbs import EXAMPLES, GROUPS, VERBS


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every verb, and the verbs of verbs."""
    group = cli.commonfate
    for name in VERBS:
        command = group.get_command(click.Context(group), name)
        yield name, command
        if isinstance(command, click.Group):
            yield from ((f"{name} {sub}", each) for sub, each in command.commands.items())


COMMANDS = dict(commands())


def help_of(name: str) -> str:
    result = CliRunner().invoke(cli.commonfate, [*name.split(), "--help"])
    assert result.exit_code == 0, result.output
    return result.output


def examples(text: str) -> list[str]:
    """Its commands, each in a line."""
    joined = re.sub(r"\\\n\s*", " ", text)
    return re.findall(r"^ {6}(commonfate .*)$", joined, re.M)


@pytest.fixture
def all_paths_exist(monkeypatch):
    monkeypatch.setattr(click.Path, "convert", lambda self, value, param, ctx: value)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_verb_has_an_example_that_its_options_take(name, all_paths_exist):
    found = examples(help_of(name))
    assert any(text.startswith(f"commonfate {name}") for text in found), help_of(name)
    for text in found:
        _, verb, *arguments = shlex.split(text)
        command = COMMANDS[verb]
        if isinstance(command, click.Group):
            command = command.commands[arguments.pop(0)]
        command.make_context(verb, arguments)


def test_help_begins_with_three_commands_and_groups_all_verbs():
    text = help_of("")
    positions = [text.index(part) for part in (*EXAMPLES, *GROUPS)]
    assert positions == sorted(positions)
    assert len(EXAMPLES) == 3
    for name in VERBS:
        assert re.search(rf"^  {name} ", text, re.M)


def options(name: str) -> dict[str, click.Option]:
    named = [param for param in COMMANDS[name].params if isinstance(param, click.Option)]
    return {opt: param for param in named for opt in param.opts}


@pytest.mark.parametrize("name", COMMANDS)
def test_common_options_are_the_same_in_every_verb(name):
    have = options(name)
    assert ("--output" in have) == ("-o" in have)
    assert have.get("-o") is have.get("--output")
    if "--device" in have:
        assert list(have["--device"].type.choices) == ["auto", "cpu", "cuda"]
    if "--devices" in have:
        assert have["--devices"].metavar == "LIST"
    if "--threads" in have:
        assert have["--threads"].help.startswith("CPU threads")
        assert have["--threads"].help.endswith("[default: all cores]")
