"""`commonfate frames`: decode one shard of videos into a frame store."""

from pathlib import Path

import click

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
@click.option(
    "--backend",
    type=click.Choice(["auto", "decord", "pyav"]),
    default="auto",
    show_default=True,
    help="`auto` is decord, then PyAV for what decord cannot read.",
)
@click.option(
    "--timeout-s",
    type=click.FloatRange(min=0, min_open=True),
    default=300.0,
    show_default=True,
    help="Seconds after which a video is given up.",
)
@click.option(
    "--codec",
    type=click.Choice(["blosc", "jpeg", "png"]),
    default="blosc",
    show_default=True,
    help="`blosc` and `png` are lossless; `jpeg` is several times smaller.",
)
@click.option(
    "--quality",
    type=click.IntRange(1, 100),
    default=95,
    show_default=True,
    help="Quality of `jpeg`.",
)
@click.option("--output", required=True, type=FILE, help="The frame store to write (.zarr.zip).")
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
    codec: str,
    quality: int,
    output: Path,
    report: Path,
) -> None:
    """Decode one shard of videos into a frame store.

    A video that is empty, damaged, not a video, of changing size or too short is left out with a
    line that says why; the others go on. Frames that a dataset ships as images are checked and
    stay where they are.
    """
    from commonfate import parquet, provenance
    from commonfate.datasets.inventory import of_shard
    from commonfate.storage.frames import FrameWriter
    from commonfate.videos.decode import Decoder
    from commonfate.videos.shard import extract

    videos = of_shard(parquet.read(inventory), shard, inventory)
    settings = {
        "shard": shard,
        "gaps": list(gaps),
        "backend": backend,
        "timeout_s": timeout_s,
        "codec": codec,
        "quality": quality,
    }
    record = provenance.record("frames", settings, inputs=[inventory])
    with (
        Decoder(backend, timeout_s) as decoder,
        FrameWriter(output, codec=codec, quality=quality, provenance=record) as writer,
    ):
        found = extract(videos, writer, decoder, gaps)
    parquet.write(report, found, record)
