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
@options.output("The manifest to write (Parquet).")
def command(reports: tuple[Path, ...], dataset: str, output: Path) -> None:
    """Gather the shards: which videos are usable, which are left out and why.

    \b
        commonfate manifest 0000.parquet 0001.parquet --dataset mine -o manifest.parquet

    REPORT is what `commonfate frames --report` wrote, one file a shard.
    """
    from commonfate import parquet, provenance
    from commonfate.videos import manifest

    table = manifest.gather(dataset, [parquet.read(report) for report in reports])
    record = provenance.record("manifest", {"dataset": dataset}, inputs=reports)
    parquet.write(output, table, record)
    summary = manifest.summary(dataset, table)
    log.info("%s", summary.splitlines()[0].rstrip(":"))
    click.echo(summary)
