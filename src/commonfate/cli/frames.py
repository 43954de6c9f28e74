"""`commonfate frames`: decode one shard of videos into a frame store."""

from pathlib import Path

import click

from commonfate.cli import options
from commonfate.videos.settings import DecodeConfig, FramesConfig

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("frames")
@click.option("--inventory", required=True, type=FILE, help="Written by `commonfate videos`.")
@click.option(
    "--shard", required=True, type=click.IntRange(min=0), help="Which part of the inventory."
)
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
    help="What was found, a row a video (Parquet); `commonfate manifest` gathers them.",
)
def command(
    inventory: Path,
    shard: int,
    gaps: tuple[int, ...],
    backend: str,
    timeout_s: float,
    deinterlace: bool,
    codec: str,
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

    videos = of_shard(parquet.read(inventory), shard, inventory)
    decoding = Decoding(backend, timeout_s, deinterlace)
    settings = {
        "shard": shard,
        "gaps": list(gaps),
        **decoding.settings(),
        "codec": codec,
        "quality": quality,
    }
    record = provenance.record("frames", settings, inputs=[inventory])
    write(videos, output, report, record, gaps, decoding, codec, quality)
