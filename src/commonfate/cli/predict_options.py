"""Options of `commonfate predict` that all methods share: frames, adaptation, CRF."""

from collections.abc import Callable
from pathlib import Path

import click

from commonfate.cli import options
from commonfate.evaluation.settings import BenchmarkConfig

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
    options.fields(BenchmarkConfig, "resolution", "crop"),
    click.option(
        "--frames-of",
        type=click.Choice(["annotated", "all"]),
        default="annotated",
        show_default=True,
        help="Segment the frames with ground truth, or all frames of all videos.",
    ),
)


def how_options(command: Callable) -> Callable:
    """Add the options to a command."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command
