"""`commonfate videos`: list a dataset's videos and cut them into shards."""

import logging
from pathlib import Path

import click

from commonfate.cli import options
from commonfate.config import Config

log = logging.getLogger(__name__)


@click.command("videos")
@click.option("--dataset", required=True, metavar="NAME", help="The dataset's name.")
@options.assignments("A setting of the dataset, e.g. adapter=folder or root=my/videos.")
@options.fields(Config, "shard_size")
@click.option("--shard", type=click.IntRange(min=0), help="Write only this one.  [default: all]")
@click.option(
    "--rendered",
    type=click.Path(path_type=Path),
    help="Folder of the rendered videos, for the adapter sprites."
    "  [default: results/datasets/NAME]",
)
@options.output("The inventory to write (Parquet).")
def command(
    dataset: str,
    pairs: tuple[str, ...],
    shard_size: int,
    shard: int | None,
    rendered: Path | None,
    output: Path,
) -> None:
    """List a dataset's videos and cut them into shards.

    \b
        commonfate videos --dataset mine --set adapter=folder --set root=my/videos \\
            -o inventory.parquet

    Nothing is decoded: what is broken is found by `commonfate frames`. A video stays in its shard
    when the list is made again after others were added or removed: `shards.json` beside the output
    keeps which one it is.
    """
    from commonfate import datasets
    from commonfate.base import parquet, provenance
    from commonfate.datasets import inventory, shards

    settings = inventory.parse_settings(pairs)
    sources = datasets.videos(dataset, settings, rendered or Path("results/datasets") / dataset)
    memory = output.with_name(shards.FILE)
    table = inventory.build(sources, shard_size, shards.read(memory, shard_size))
    shards.write(memory, shard_size, dict(zip(table["id"], table["shard"], strict=True)))
    log.info("%s: %d videos, cut into %d shard(s)", dataset, len(table), table["shard"].nunique())
    if shard is not None:
        table = inventory.of_shard(table, shard, dataset)
    for video in table[table["fault"] != ""].to_dict("records"):
        log.warning("%s: will be left out: %s", video["source"], video["fault"])
    # Gaps say nothing of which videos there are.
    listed = settings.model_dump(mode="json", exclude={"gaps", "pair_gaps"})
    record = provenance.record(
        "videos", {"dataset": dataset, "shard_size": shard_size, **listed}, inputs=[]
    )
    parquet.write(output, table, record)
