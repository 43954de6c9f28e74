"""The verbs of `commonfate`, and command lines read by them without being run."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import click

from commonfate import cli
from commonfate.base.settings import from_pairs
from commonfate.cli import VERBS, flow
from commonfate.datasets import inventory
from commonfate.datasets.sprites import produce
from commonfate.evaluation.features.run import settings as probe_settings
from commonfate.methods.settings import MethodsConfig
from commonfate.prediction.crf import CrfSettings
from commonfate.training.flow.settings import recipe


def _commands() -> Iterator[tuple[str, click.Command]]:
    group = cli.commonfate
    for name in VERBS:
        command = group.get_command(click.Context(group), name)
        yield name, command
        if isinstance(command, click.Group):
            yield from ((f"{name} {sub}", each) for sub, each in command.commands.items())


COMMANDS: dict[str, click.Command] = dict(_commands())
"""Every verb, and the verbs of verbs, by name."""


def command_of(words: Sequence[str]) -> tuple[click.Command, list[str]]:
    """The verb that a command line calls, and its arguments.

    Args:
        words: `commonfate`, the verb, its arguments.

    Raises:
        KeyError: there is no such verb.
    """
    command, arguments = COMMANDS[words[1]], list(words[2:])
    if isinstance(command, click.Group) and arguments and not arguments[0].startswith("-"):
        command = command.commands[arguments.pop(0)]
    return command, arguments


def options(command: click.Command) -> dict[str, click.Option]:
    """Options of a verb by their spellings."""
    named = [param for param in command.params if isinstance(param, click.Option)]
    return {spelling: param for param in named for spelling in param.opts}


def parsed(words: Sequence[str]) -> dict[str, Any]:
    """What a verb takes a command line for, every path that is named assumed to exist.

    Raises:
        KeyError: there is no such verb.
        click.UsageError: its arguments are not the verb's.
        ConfigError: a setting is not one of those that the verb has.
    """
    command, arguments = command_of(words)
    with (
        mock.patch.object(click.Path, "convert", lambda self, value, param, ctx: value),
        mock.patch.object(Path, "exists", lambda self: True),
    ):
        values = command.make_context(words[1], arguments).params
    if "--set" in options(command):
        SETTINGS[words[1]](values)
    if values.get("crf_pairs"):
        from_pairs(CrfSettings, values["crf_pairs"])
    return values


def _of_method(values: Mapping[str, Any]) -> None:
    if values["method"]:  # else a run knows its method
        from_pairs(MethodsConfig.model_fields[values["method"]].annotation, values["pairs"])


SETTINGS: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "flow": lambda values: flow._source(values["source"], values["pairs"]),
    "predict": _of_method,
    "probe": lambda values: probe_settings.of_pairs(values["protocols"], values["pairs"]),
    "sprites": lambda values: produce.parse(values["pairs"]),
    "train": _of_method,
    "train-flow": lambda values: recipe(values["network"], values["pairs"]),
    "videos": lambda values: inventory.parse_settings(values["pairs"]),
    "boxes": lambda values: inventory.parse_settings(values["pairs"]),
}
"""By verb: what reads the texts of its --set."""
