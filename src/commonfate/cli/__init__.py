"""`commonfate <verb>`: every rule of the workflow is one thin call of a verb.

A verb is a module of this package with a click command called `command`; it is imported only when
it is asked for, so `--help` does not wait for torch.
"""

import logging
import os
import sys
from importlib import import_module

import click

from commonfate.cli import endings
from commonfate.errors import did_you_mean

VERBS = {
    "sprites": "Render the embedded data: videos with exact ground truth.",
    "videos": "List a dataset's videos and cut them into shards.",
    "frames": "Decode one shard of videos into a frame store.",
    "manifest": "Gather the shards: which videos are usable, which are left out and why.",
    "flow": "Estimate and store optical flow.",
    "view": "Draw stored flow as pictures, with statistics.",
    "convert": "Convert stored flow from and to other formats.",
    "weights": "List, fetch and check the weights of networks.",
    "train-flow": "Train a flow network on rendered pairs whose flow is known.",
    "flow-quality": "Measure flow estimators: end-point error, consistency, quantization.",
    "samples": "Index training samples.",
    "train": "Train a method.",
    "predict": "Segment the annotated frames of a benchmark.",
    "evaluate": "Score predictions by a protocol.",
    "table": "Assemble a result table as CSV, Markdown and LaTeX.",
    "explain": "Trace every number of a table to its inputs.",
    "schema": "Write the configuration's JSON schema, for editors.",
}


class Verbs(click.Group):
    """Lists the verbs without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in VERBS:
            return None
        return import_module(f"commonfate.cli.{name.replace('-', '_')}").command

    def resolve_command(self, ctx: click.Context, args: list[str]):
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            hint = did_you_mean(args[0], VERBS) or "."
            raise click.UsageError(f"{args[0]!r} is not a verb{hint} See commonfate --help")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))


@click.command(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="commonfate")
@click.option("-v", "--verbose", is_flag=True, help="Also log details.")
def commonfate(verbose: bool) -> None:
    """From raw videos to the result tables of four papers on motion-guided segmentation.

    The workflow (`snakemake results/tables/table1.csv`) calls these verbs; each also works alone.
    """
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO,
        format="%(asctime)s %(message)s",
        datefmt="%H:%M:%S",
        stream=sys.stderr,
        force=True,
    )
    for chatty in ("PIL", "matplotlib", "numba", "asyncio", "fsspec", "lightning"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # Of a damaged file it logs lines of its own beside the error that names the file.
    logging.getLogger("tifffile").setLevel(logging.CRITICAL)


def main() -> None:
    """Run a verb; the exit codes are those of `endings`."""
    # Threads that wait must sleep: spinning, two of them took ten times longer on a shared machine.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    # A log on a full disk must not add tracebacks of its own.
    logging.raiseExceptions = False
    sys.exit(endings.run(lambda: commonfate(standalone_mode=False)))
