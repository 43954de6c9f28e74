"""Options of `commonfate predict`: frames, adaptation, CRF; and the check of all its options."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from commonfate.base.errors import ConfigError
from commonfate.base.settings import MethodSettings
from commonfate.cli import options
from commonfate.evaluation.settings import SegmentsBenchmark
from commonfate.samples.kinds import KINDS

EXISTING = click.Path(exists=True, path_type=Path)
OPTIONS = (
    click.option(
        "--adapt-steps",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        help="Training steps on each video before it is segmented, without ground truth. Every "
        "video starts from the trained weights.",
    ),
    click.option(
        "--index",
        type=EXISTING,
        help="Samples of the videos that are segmented, for --adapt-steps.",
    ),
    click.option(
        "--seed",
        type=click.IntRange(0),
        default=0,
        show_default=True,
        help="Seed of --adapt-steps.",
    ),
    click.option(
        "--crf",
        is_flag=True,
        help="Refine the two groups by a conditional random field on the frame.",
    ),
    options.assignments("A setting of --crf, e.g. iterations=5.", "--crf-set", "crf_pairs"),
    options.fields(SegmentsBenchmark, "resolution", "crop"),
    click.option(
        "--frames-of",
        type=click.Choice(["annotated", "all"]),
        default="annotated",
        show_default=True,
        help="Segment the frames with ground truth, or all frames of all videos.",
    ),
)


def task_options(command: Callable) -> Callable:
    """Add the options to a command."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def check(settings: MethodSettings, chosen: dict[str, Any]) -> None:
    """Refuse options that contradict the method, or that need a missing package.

    Args:
        settings: of the method.
        chosen: values of all options of the verb.

    Raises:
        ConfigError: the message names the option.
    """
    from commonfate.prediction import crf

    name, run = settings.method, chosen["run"]
    if settings.trained and run is None:
        raise ConfigError(f"--method {name}: has to be trained; name the trained run with --run")
    if not settings.trained and run is not None:
        raise ConfigError(f"--run {run}: method {name} is not trained; leave --run out")
    if not settings.trained and chosen["checkpoint"] == "best":
        raise ConfigError(f"--checkpoint best: method {name} is not trained; leave it out")
    if settings.reads_flow and not chosen["flow"]:
        raise ConfigError(f"--method {name}: looks at flow; name its stores with --flow")
    if chosen["adapt_steps"] and not settings.trained:
        raise ConfigError(f"--adapt-steps: method {name} is not trained; leave it out")
    if chosen["adapt_steps"] and KINDS[settings.learns_from].supervised:
        raise ConfigError(f"--adapt-steps: method {name} learns from ground truth; leave it out")
    if bool(chosen["adapt_steps"]) != bool(chosen["index"]):
        given, other = (
            ("adapt-steps", "index") if chosen["adapt_steps"] else ("index", "adapt-steps")
        )
        raise ConfigError(f"--{given}: needs --{other}, too")
    if chosen["crf"] and not crf.is_installed():
        raise ConfigError(f"--crf: {crf.MISSING}")
    if chosen["crf_pairs"] and not chosen["crf"]:
        raise ConfigError("--crf-set: is of no use without --crf")
