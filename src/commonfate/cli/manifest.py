"""`commonfate manifest`: gather the reports of a dataset's shards."""

import logging
from pathlib import Path

import click

from commonfate.cli import options

log = logging.getLogger(__name__)


@click.command("manifest")
@click.argument(
    "reports",
    nargs=-1,
    required=True,
    metavar="REPORT...",
    type=click.Path(dir_okay=False, path_type=Path),
)
@click.option("--dataset", required=True, metavar="NAME", help="The dataset's name.")
@click.option(
    "--gap",
    "gaps",
    type=int,
    multiple=True,
    help="A frame gap of the flow, repeatable; a video too short for all of them is left out.",
)
@options.output("The manifest to write (Parquet).")
def command(reports: tuple[Path, ...], dataset: str, gaps: tuple[int, ...], output: Path) -> None:
    """Gather the shards: which videos are usable, which are left out and why.

    \b
        commonfate manifest 0000.parquet 0001.parquet --dataset mine -o manifest.parquet

    REPORT is what `commonfate frames --report` wrote, one file a shard.
    """
    from commonfate.base import parquet, provenance
    from commonfate.videos import manifest

    tables = [parquet.read(report) for report in reports]
    table = manifest.gather(dataset, tables, gaps or (0,))
    settings = {"dataset": dataset, "gaps": list(gaps)}
    record = provenance.record("manifest", settings, inputs=reports)
    parquet.write(output, table, record)
    summary = manifest.summary(dataset, table)
    log.info("%s", summary.splitlines()[0].rstrip(":"))
    click.echo(summary)
