"""How `commonfate predict` looks at frames and adapts to videos: options shared by all methods."""

from collections.abc import Callable
from pathlib import Path

import click

from commonfate.cli import options
from commonfate.config import BenchmarkConfig

EXISTING = click.Path(exists=True, path_type=Path)
OPTIONS = (
    click.option(
        "--adapt-steps",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        help="Steps of the training loss on each video before it is segmented; ground truth is not "
        "read. Every video begins with the trained weights.",
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
    options.fields(BenchmarkConfig, "resolution", "crop"),
    click.option(
        "--frames-of",
        type=click.Choice(["annotated", "all"]),
        default="annotated",
        show_default=True,
        help="Segment the frames that have ground truth, or all, also of videos without any.",
    ),
)


def how_options(command: Callable) -> Callable:
    """Add the options to a command."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command
