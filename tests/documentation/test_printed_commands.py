"""Every command that a page prints is one that its program takes; none is started here."""

import ast
import re
import subprocess
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from snakemake.cli import get_argument_parser, parse_config

from commonfate import config, plan, scales
from commonfate.base.settings import merged
from helpers import pages, verbs
from helpers.pages import ROOT, Block, Command

COMMANDS = [command for page in pages.PAGES for command in pages.commands(page)]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
OF_THE_SYSTEM = (
    "export COMMONFATE_WEIGHTS=/shared/weights",
    "scancel --user $USER",
    ". .venv/bin/activate",
)
"""Commands of other programs that nothing here can be compared with."""


def of(*programs: str) -> pytest.MarkDecorator:
    """Parametrize a test with the commands of some programs."""
    chosen = [command for command in COMMANDS if command.program in programs]
    assert chosen, f"no page prints a command of {programs}"
    return pytest.mark.parametrize("command", chosen, ids=[each.place for each in chosen])


@pytest.mark.parametrize("block", pages.BLOCKS, ids=[block.place for block in pages.BLOCKS])
def test_a_block_is_of_a_kind_that_tests_know(block: Block) -> None:
    if block.kind == "shell":
        programs = {command.program for command in pages.commands_of(block)}
        assert programs and programs <= set(pages.PROGRAMS)


@pytest.mark.parametrize("text", ["commonfat flow clip.mp4", "./configure --now", "docker run x"])
def test_a_program_that_no_test_knows_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no test knows how to check"):
        _ = Block(ROOT / "README.md", 1, text).kind


def test_a_command_is_read_as_bash_reads_it() -> None:
    text = "A_B=c commonfate x a{1,2} $(printf -- '--f=%s ' a/*.zip) 'd e'"
    command = Command(ROOT / "README.md", 1, text)
    assert command.program == "commonfate" and command.environment == {"A_B": "c"}
    assert command.words == ["commonfate", "x", "a1", "a2", "--f=a/*.zip", "d e"]


@of("commonfate")
def test_its_verb_takes_a_command(command: Command) -> None:
    if not command.abbreviated:
        verbs.parsed(command.words)
        return
    verb, arguments = verbs.command_of(command.words)
    named = {word.partition("=")[0] for word in arguments if word.startswith("-")}
    assert named <= set(verbs.options(verb))


@of("make")
def test_a_target_of_make_is_there(command: Command) -> None:
    _, *targets = command.words
    done = subprocess.run(["make", "-n", *targets], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_target_of_make_is_printed_somewhere() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[1]
    printed = {word for each in COMMANDS if each.program == "make" for word in each.words[1:]}
    assert set(phony.split()) <= printed


@of("python", "python3", "bash")
def test_a_script_is_there_and_takes_its_options(command: Command) -> None:
    program, *arguments = command.words
    if program == "python3":
        assert arguments == ["-m", "venv", ".venv"]
        return
    script = ROOT / arguments[0]
    assert script.is_relative_to(ROOT / "benchmarks") and script.is_file()
    if program == "python":
        # Read, not run: to show its help it would have to import torch.
        texts = [node.value for node in ast.walk(ast.parse(script.read_text())) if _is_text(node)]
        assert {word for word in arguments if word.startswith("--")} <= set(texts)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


@of("pip")
def test_pip_installs_this_project(command: Command) -> None:
    _, verb, *arguments = command.words
    assert verb == "install"
    if arguments == ["-e", "."]:
        return
    (extra,) = re.fullmatch(rf"{PROJECT['name']}\[(\w+)\]", arguments[0]).groups()
    assert extra in PROJECT["optional-dependencies"]


@of("export", "scancel", ".")
def test_a_command_of_the_system_is_one_that_was_looked_at(command: Command) -> None:
    assert command.text in OF_THE_SYSTEM


@of("snakemake")
def test_a_plan_has_what_snakemake_is_asked_for(command: Command, tmp_path: Path) -> None:
    _, *arguments = command.words
    given = get_argument_parser().parse_args(arguments)
    # With --profile, profiles/default is read, too, which switches the lock off.
    assert given.profile in (None, "none") and "--profile" not in command.text
    if given.workflow_profile:
        assert (ROOT / given.workflow_profile / "config.v9+.yaml").is_file()
    if command.abbreviated:
        return
    settings = _settings(command, given, tmp_path)
    planned = plan.make(settings, ROOT / "workflow/tables")
    for target in given.targets:
        folder, name = Path(target).parent, Path(target).stem
        if str(folder) == "results/tables":
            measured = bool(settings.flow_quality.datasets)
            assert name in settings.tables or (name == "flow_quality" and measured)
            assert name not in planned.refused, planned.refused[name]
        else:
            assert Path(target).is_relative_to(settings.results)


def _settings(command: Command, given: Any, root: Path) -> config.Config:
    """Settings as the Snakefile joins them: the demo, files, `--config`; all data are in `root`."""
    changes: Mapping[str, Any] = {}
    for path in given.configfile or []:
        changes = merged(changes, yaml.safe_load(_config_file(command, path)))
    changes = merged(changes, parse_config(given.config))
    demo = yaml.safe_load((ROOT / "config.yaml").read_text())
    values = scales.joined(demo, changes)
    for dataset in values["datasets"].values():
        if "root" in dataset:
            dataset["root"] = str(root)
    return config.load(values)


def _config_file(command: Command, path: Path) -> str:
    """Text of a file of the project, or of one that the page tells to write."""
    if (ROOT / path).is_file():
        return (ROOT / path).read_text()
    assert f"Put this in `{path}`:" in command.page.read_text()
    (block,) = [each for each in pages.blocks(command.page) if each.kind == "yaml"]
    return block.text
