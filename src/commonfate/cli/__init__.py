"""`commonfate <verb>`: every rule of the workflow is one thin call of a verb.

A verb is a module of this package with a click command called `command`; it is imported only when
it is asked for, so `--help` does not wait for torch.
"""

import logging
import os
import sys
from importlib import import_module

import click

from commonfate.base.errors import did_you_mean
from commonfate.cli import endings
from commonfate.cli.verbs import EXAMPLES, GROUPS, VERBS


class Verbs(click.Group):
    """Lists the verbs without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in VERBS:
            return None
        return import_module(f"commonfate.cli.{VERBS[name].module}").command

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

    Each verb tells more, with an example: commonfate flow --help
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
    # Of a damaged file it logs lines of its own beside the error that names the file.
    logging.getLogger("tifffile").setLevel(logging.CRITICAL)


def main() -> None:
    """Run a verb; the exit codes are those of `endings`."""
    # Threads that wait must sleep: spinning, two of them took ten times longer on a shared machine.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    # A log on a full disk must not add tracebacks of its own.
    logging.raiseExceptions = False
    sys.exit(endings.run(lambda: commonfate(standalone_mode=False)))
