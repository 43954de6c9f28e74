"""`commonfate convert`: stored flow from and to other formats."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from commonfate.base.errors import StoreError
from commonfate.cli import options
from commonfate.flow.settings import FlowConfig

if TYPE_CHECKING:
    from commonfate.storage.formats.convert import Part, Source, Tally

FOREIGN = ("flo", "kitti", "npz", "flowdino", "pfm")
CONTAINERS = {".zip": "zarr", ".tiff": "tiff"}


@click.command("convert")
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@options.output("The store (.zarr.zip, or a folder .tiff), or the folder to write.", folder=None)
@click.option(
    "--to",
    type=click.Choice(["zarr", "tiff", *FOREIGN]),
    help="Format to write.  [default: zarr if OUTPUT ends in .zip, tiff if in .tiff]",
)
@click.option(
    "--from",
    "form",
    type=click.Choice(FOREIGN),
    help="Format of the files in the folder SOURCE.  [default: by their endings]",
)
@click.option("--video", "videos", multiple=True, help="Only this video. Repeatable.")
@click.option(
    "--gap",
    "gaps",
    type=click.IntRange(-64, 64),
    multiple=True,
    help="Of a store: only this gap; repeatable. Of a folder: the gap of all its files, unless "
    "its folders are named by gaps.",
)
@click.option(
    "--first",
    type=int,
    default=0,
    help="Number of the first frame in names of files.  [default: 0]",
)
@click.option(
    "--every",
    type=click.IntRange(min=1),
    default=1,
    help="Difference of successive numbers in names of files.  [default: 1]",
)
@options.fields(
    FlowConfig,
    "steps_per_pixel",
    default=None,
    note="[default: as in SOURCE, or 32 if SOURCE holds floats]",
    show_default=False,
)
@options.fields(FlowConfig, "tiff_layout")
@options.threads("the pairs that are converted at once")
def command(
    source: Path,
    output: Path,
    to: str | None,
    form: str | None,
    videos: tuple[str, ...],
    gaps: tuple[int, ...],
    first: int,
    every: int,
    steps_per_pixel: int | None,
    tiff_layout: str,
    threads: int | None,
) -> None:
    """Convert stored flow from and to other formats.

    \b
        commonfate convert flow.zarr.zip -o flow/ --to flo
        commonfate convert flow/ -o flow.zarr.zip
        commonfate convert sintel/flow/ -o sintel.zarr.zip --gap 1 --first 1

    \b
    SOURCE and OUTPUT are each a store (Zarr zip, folder of TIFF) or a folder:
        flo       Middlebury: float32; more than 1e9 means no value
        kitti     16-bit PNG: 1/64 px; more than 512 px becomes invalid, and is counted
        npz       array `flow` (2, H, W) float32; NaN means no value
        flowdino  TIFF of 32-bit words, 1/32 px
        pfm       as FlyingThings3D: float32

    A folder holds one file for each pair, GAP/VIDEO/00000.flo; the number is that of the first
    frame. With --gap also VIDEO/00000.flo is read, at any depth. No number may be missing; N files
    of gap 1 make a video of N+1 frames. The folders of KITTI and HD1K (flow_occ/000000_10.png) can
    be read with --gap 1: each sequence is a video.

    A video with a damaged file is left out and named at the end, with exit code 1; the others are
    converted. After an interruption the same command continues.
    """
    if 0 in gaps:
        raise click.UsageError("--gap 0 is no gap")
    to = to or CONTAINERS.get(output.suffix.lower())
    if to is None:
        raise click.UsageError(f"--output {output}: the name does not tell the format; give --to")
    if source.resolve() == output.resolve():
        raise click.UsageError("SOURCE and OUTPUT are the same")
    from commonfate.storage.formats import convert, product

    opened, files = _open(source, form, gaps, first, every)
    # For a folder, `--gap` describes its flow; for a store it selects.
    parts = convert.parts_of(opened, videos, gaps if files is None else ())
    storage = None
    if to in CONTAINERS.values():
        steps = steps_per_pixel or _steps_per_pixel(opened, parts)
        storage = {"container": to, "steps_per_pixel": steps, "tiff_layout": tiff_layout}
    selection = {"from": form, "videos": videos, "gaps": gaps, "first": first, "every": every}
    record = product.record(source, opened, files, {"to": storage or to, **selection})
    if storage and product.is_made(output, record["key"], parts):
        click.echo(f"{output} is there already, made of the same")
        return
    threads = threads or os.cpu_count() or 1
    tally = product.write(opened, parts, output, storage or to, record, threads)
    _report(tally, output, stored=storage is not None)


def _open(
    source: Path, form: str | None, gaps: tuple[int, ...], first: int, every: int
) -> "tuple[Source, list[Path] | None]":
    """Open the source; also list its files if it is a folder of other programs."""
    from commonfate.storage.flow import open_reader
    from commonfate.storage.formats import FORMATS
    from commonfate.storage.formats.folder import FlowFolder, guess
    from commonfate.storage.tiff_flow import INDEX

    if source.is_file() and any(source.suffix.lower() in f.suffixes for f in FORMATS.values()):
        raise click.UsageError(f"{source} is one file; give the folder of its video, and --gap")
    if source.is_file() or (source / INDEX).is_file():
        if form:
            raise click.UsageError(f"--from {form}: {source} is a store, not a folder of files")
        return open_reader(source), None
    if len(gaps) > 1:
        raise click.UsageError("--gap: files of a folder have one gap, or folders named by gaps")
    file_format = FORMATS[form] if form else guess(source)
    folder = FlowFolder(source, file_format, gaps[0] if gaps else None, first, every)
    return folder, folder.files


def _steps_per_pixel(source: "Source", parts: "list[Part]") -> int:
    """Steps as in the source, so that nothing is rounded again; the default if it holds floats."""
    from commonfate.storage.quantize import STEPS_PER_PIXEL

    for part in parts:
        try:
            return source.info(*part).steps_per_pixel or STEPS_PER_PIXEL
        except StoreError:  # the damaged video is left out and named later
            continue
    return STEPS_PER_PIXEL


def _report(tally: "Tally", output: Path, stored: bool) -> None:
    """Print what was converted; fail if something was left out."""
    click.echo(
        f"{output}: {tally.parts} parts (each a video and gap), {tally.pairs} pairs converted "
        f"now; of their pixels "
        f"{_share(tally.invalid, tally.pixels)} without value, "
        f"{_share(tally.lost, tally.pixels)} {'saturated' if stored else 'too large'}"
    )
    if stored and tally.values:
        mean = tally.error_sum / tally.values
        click.echo(f"Quantization error: largest {tally.error_largest:.3g} px, mean {mean:.3g} px")
    for (video, gap), reason in tally.left_out.items():
        click.echo(f"Left out: {video}, gap {gap}: {reason}", err=True)
    if tally.left_out:
        all_parts = tally.parts + len(tally.left_out)
        raise StoreError(
            f"{len(tally.left_out)} of {all_parts} parts left out, for the reasons above; repair "
            "or remove their files and run the same command again"
        )


def _share(pixels: int, of: int) -> str:
    return f"{pixels} ({100 * pixels / max(of, 1):.2g} %)"
