"""`commonfate <verb>`: every rule of the workflow is one thin call of a verb.

A verb is a click command in a module of this package, which is imported only when the verb is
called, so `--help` does not wait for torch.
"""

import logging
import os
import sys
from dataclasses import dataclass
from importlib import import_module

import click

from commonfate.base.errors import did_you_mean
from commonfate.cli import endings


@dataclass(frozen=True)
class Verb:
    """A verb: its module in this package, its line of help, and its function in the module."""

    module: str
    help: str
    function: str = "command"


GROUPS = {
    "Your own videos": {
        "try": Verb("first_look", "Draw the optical flow of a video, or of one rendered here."),
        "segment": Verb("segment", "Segment what moves in videos: masks, a film, a sheet."),
        "flow": Verb("flow", "Estimate and store optical flow."),
        "features": Verb("features", "Extract and store features of an encoder."),
        "view": Verb("view", "Draw stored flow as pictures or films, with statistics."),
        "convert": Verb("convert", "Convert stored flow from and to other formats."),
    },
    "Stages of the workflow (its rules call them; `flow` is one, too)": {
        "sprites": Verb(
            "videos", "Render the embedded data: videos with exact ground truth.", "sprites"
        ),
        "videos": Verb("videos", "List a dataset's videos and cut them into shards.", "videos"),
        "frames": Verb("videos", "Decode one shard of videos into a frame store.", "frames"),
        "manifest": Verb(
            "videos", "Gather the shards: which videos are usable, and why not.", "manifest"
        ),
        "boxes": Verb("boxes", "List the boxes of a dataset's objects."),
        "samples": Verb("samples", "Index training samples."),
        "train": Verb("train", "Train a method."),
        "predict": Verb("predict", "Segment the frames of a benchmark, or of any videos."),
        "evaluate": Verb("evaluate", "Score predictions by a protocol."),
        "probe": Verb("probe", "Score features by the protocols of the field."),
        "table": Verb("table", "Assemble a result table as CSV, Markdown and LaTeX."),
    },
    "Looking into results": {
        "explain": Verb("explain", "Trace the numbers of a table to their inputs."),
        "flow-quality": Verb("flow_quality", "Measure flow sources on data of known flow."),
    },
    "Weights": {
        "weights": Verb("weights", "List, fetch and check the weights of networks."),
        "train-flow": Verb("train_flow", "Train a flow network on rendered pairs."),
    },
    "Editors": {
        "schema": Verb("schema", "Write the configuration's JSON schema."),
    },
}
"""Verbs by name, in the groups that `commonfate --help` shows."""
VERBS = {name: verb for group in GROUPS.values() for name, verb in group.items()}
EXAMPLES = {
    "commonfate try clip.mp4": "a picture of a video's optical flow",
    "commonfate flow my/videos -o flow": "the flow of videos, stored",
    "snakemake --cores 8 results/tables/table1.csv": "a paper's table, from raw videos",
}


class Verbs(click.Group):
    """Group that lists the verbs without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in VERBS:
            return None
        verb = VERBS[name]
        return getattr(import_module(f"commonfate.cli.{verb.module}"), verb.function)

    def resolve_command(self, ctx: click.Context, args: list[str]):
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            hint = did_you_mean(args[0], VERBS) or "."
            raise click.UsageError(f"{args[0]!r} is not a verb{hint} See commonfate --help")
        return super().resolve_command(ctx, args)

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Most of the time"):
            formatter.write_dl(list(EXAMPLES.items()))
        super().format_help_text(ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, verbs in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(name, verb.help) for name, verb in verbs.items()])


@click.command(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="commonfate")
@click.option("-v", "--verbose", is_flag=True, help="Also log details.")
def commonfate(verbose: bool) -> None:
    """From raw videos to the result tables of papers on motion-guided segmentation.

    Each verb has its own help, with an example: commonfate flow --help
    """
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO,
        format="%(asctime)s %(message)s",
        datefmt="%H:%M:%S",
        stream=sys.stderr,
        force=True,
    )
    for chatty in ("PIL", "matplotlib", "numba", "asyncio", "fsspec", "lightning", "torch"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # For a damaged file tifffile logs lines of its own, beside the error that names the file.
    logging.getLogger("tifffile").setLevel(logging.CRITICAL)


def main() -> None:
    """Run a verb; the exit codes are those of `endings`."""
    # Waiting threads must sleep: spinning, two took ten times longer on a shared machine.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    # A log on a full disk must not add tracebacks.
    logging.raiseExceptions = False
    sys.exit(endings.run(lambda: commonfate(standalone_mode=False)))
