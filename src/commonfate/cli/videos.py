"""`commonfate videos`: list a dataset's videos and cut them into shards."""

import logging
from pathlib import Path

import click

from commonfate.cli import options

log = logging.getLogger(__name__)


@click.command("videos")
@click.option("--dataset", required=True, metavar="NAME", help="The dataset's name.")
@click.option(
    "--set",
    "pairs",
    multiple=True,
    metavar="KEY=VALUE",
    help="A setting of the dataset, e.g. adapter=folder or root=my/videos. Repeatable.",
)
@click.option(
    "--shard-size",
    type=click.IntRange(min=1),
    default=256,
    show_default=True,
    help="Videos a shard; later stages run one job a shard.",
)
@click.option(
    "--rendered",
    type=click.Path(path_type=Path),
    help="Folder of the rendered videos, for the adapter sprites."
    "  [default: results/datasets/NAME]",
)
@options.output("The inventory to write (Parquet).")
def command(
    dataset: str, pairs: tuple[str, ...], shard_size: int, rendered: Path | None, output: Path
) -> None:
    """List a dataset's videos and cut them into shards.

    \b
        commonfate videos --dataset mine --set adapter=folder --set root=my/videos \\
            -o inventory.parquet

    Nothing is decoded: what is broken is found by `commonfate frames`.
    """
    from commonfate import datasets, parquet, provenance
    from commonfate.datasets import inventory

    settings = inventory.parse_settings(pairs)
    adapter = datasets.open(dataset, settings, rendered or Path("results/datasets") / dataset)
    table = inventory.build(adapter.videos(), shard_size)
    record = provenance.record(
        "videos",
        {"dataset": dataset, "shard_size": shard_size, **settings.model_dump(mode="json")},
        inputs=[],
    )
    parquet.write(output, table, record)
    log.info(
        "%s: %d videos, cut into %d shard(s)",
        dataset,
        len(table),
        inventory.shard_count(len(table), shard_size),
    )
