"""From raw videos to a manifest: `commonfate sprites`, `videos`, `frames` and `manifest`."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import click

from commonfate.cli import options
from commonfate.config import Config
from commonfate.videos.settings import DecodeConfig, FramesConfig

if TYPE_CHECKING:
    from commonfate.storage.image_codec import FrameCodec

log = logging.getLogger(__name__)
FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("sprites")
@options.assignments("A setting, e.g. videos=12, frames=32, size='[128, 224]' or seed=1.")
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Videos rendered at the same time; the result does not depend on it.",
)
@options.output("Folder to write: videos, masks and truth, or images and masks.", folder=True)
def sprites(pairs: tuple[str, ...], jobs: int, output: Path) -> None:
    """Render embedded data: videos with exact ground truth, or still images with masks.

    \b
        commonfate sprites --set videos=4 --set frames=16 -o sprites

    `--set adapter=sprite_images` renders images; with `--set labels=classes` their masks hold
    classes instead of objects.

    Textures come from photographs inside the installed scikit-image; nothing is downloaded. Equal
    settings give equal videos, to the bit.
    """
    from commonfate.datasets.sprites import produce

    produce.produce(produce.parse(pairs), output, jobs)


@click.command("videos")
@click.option("--dataset", required=True, metavar="NAME", help="Name of the dataset.")
@options.assignments("A setting of the dataset, e.g. adapter=folder or root=my/videos.")
@options.fields(Config, "shard_size")
@click.option("--shard", type=click.IntRange(min=0), help="Write only this shard.  [default: all]")
@click.option(
    "--rendered",
    type=click.Path(path_type=Path),
    help="Folder of the rendered videos, for the adapter sprites."
    "  [default: results/datasets/NAME]",
)
@options.output("The inventory to write (Parquet).")
def videos(
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

    Nothing is decoded; broken videos are found by `commonfate frames`. A video stays in its shard
    when the list is made again after others were added or removed: `shards.json` beside the output
    keeps the shard of each.
    """
    from commonfate import datasets
    from commonfate.base import parquet, provenance
    from commonfate.datasets import inventory, shards

    settings = inventory.parse_settings(pairs)
    shard_size = settings.shard_size or shard_size
    sources = datasets.videos(dataset, settings, rendered or Path("results/datasets") / dataset)
    memory = output.with_name(shards.FILE)
    table = inventory.build(sources, shard_size, shards.read(memory, shard_size))
    shards.write(memory, shard_size, dict(zip(table["id"], table["shard"], strict=True)))
    log.info("%s: %d videos, cut into %d shard(s)", dataset, len(table), table["shard"].nunique())
    if shard is not None:
        table = inventory.of_shard(table, shard, dataset)
    for video in table[table["fault"] != ""].to_dict("records"):
        log.warning("%s: will be left out: %s", video["source"], video["fault"])
    # The list of videos does not depend on gaps.
    listed = settings.model_dump(mode="json", exclude={"gaps", "pair_gaps", "shard_size"})
    record = provenance.record(
        "videos", {"dataset": dataset, "shard_size": shard_size, **listed}, inputs=[]
    )
    parquet.write(output, table, record)


@click.command("frames")
@click.option("--inventory", required=True, type=FILE, help="Written by `commonfate videos`.")
@click.option("--shard", required=True, type=click.IntRange(min=0), help="Shard of the inventory.")
@click.option(
    "--gap",
    "gaps",
    type=int,
    multiple=True,
    default=[1],
    show_default=True,
    help="A frame gap of the flow, repeatable; a video too short for all of them is left out. "
    "0 is for still images, which have no flow.",
)
@options.fields(DecodeConfig, "backend", "timeout_s", "deinterlace")
@options.fields(FramesConfig, "codec", "quality")
@options.output("The frame store to write (.zarr.zip).")
@click.option(
    "--report",
    required=True,
    type=FILE,
    help="The report to write, a row a video (Parquet); `commonfate manifest` gathers reports.",
)
def frames(
    inventory: Path,
    shard: int,
    gaps: tuple[int, ...],
    backend: str,
    timeout_s: float,
    deinterlace: bool,
    codec: "FrameCodec",
    quality: int,
    output: Path,
    report: Path,
) -> None:
    """Decode one shard of videos into a frame store.

    \b
        commonfate frames --inventory inventory.parquet --shard 0 --gap=-1 --gap 1 \\
            -o 0000.zarr.zip --report 0000.parquet

    A video that is empty, damaged, not a video, of changing size or too short is left out with a
    line that says why; the others go on. Frames that a dataset ships as images are checked and
    stay where they are.
    """
    from commonfate.base import parquet, provenance
    from commonfate.datasets.inventory import of_shard
    from commonfate.videos.decode import Decoding
    from commonfate.videos.shard import write

    listed = of_shard(parquet.read(inventory), shard, inventory)
    decoding = Decoding(backend, timeout_s, deinterlace)
    settings = {
        "shard": shard,
        "gaps": list(gaps),
        **decoding.settings(),
        "codec": codec,
        "quality": quality,
    }
    record = provenance.record("frames", settings, inputs=[inventory])
    write(listed, output, report, record, gaps, decoding, codec, quality)


@click.command("manifest")
@click.argument("reports", nargs=-1, required=True, metavar="REPORT...", type=FILE)
@click.option("--dataset", required=True, metavar="NAME", help="Name of the dataset.")
@click.option(
    "--gap",
    "gaps",
    type=int,
    multiple=True,
    help="A frame gap of the flow, repeatable; a video too short for all of them is left out.",
)
@options.output("The manifest to write (Parquet).")
def manifest(reports: tuple[Path, ...], dataset: str, gaps: tuple[int, ...], output: Path) -> None:
    """Gather the shards: which videos are usable, which are left out and why.

    \b
        commonfate manifest 0000.parquet 0001.parquet --dataset mine -o manifest.parquet

    REPORT is a file that `commonfate frames --report` wrote, one a shard.
    """
    from commonfate.base import parquet, provenance
    from commonfate.videos import manifest as manifests

    tables = [parquet.read(report) for report in reports]
    table = manifests.gather(dataset, tables, gaps or (0,))
    settings = {"dataset": dataset, "gaps": list(gaps)}
    record = provenance.record("manifest", settings, inputs=reports)
    parquet.write(output, table, record)
    summary = manifests.summary(dataset, table)
    log.info("%s", summary.splitlines()[0].rstrip(":"))
    click.echo(summary)
