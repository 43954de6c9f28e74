"""`commonfate view`: draw stored flow as pictures, with statistics."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from commonfate.errors import ConfigError

if TYPE_CHECKING:
    from commonfate.flow.pictures import Row

LONGEST = 240  # frames of an animation


@click.command("view")
@click.argument("store", metavar="FLOW_STORE", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--frames",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The frame store that the flow was estimated from, to draw frames beside it.",
)
@click.option("--video", "videos", multiple=True, help="Only this video. Repeatable.")
@click.option("--gap", "gaps", type=int, multiple=True, help="Only this gap. Repeatable.")
@click.option(
    "--rows",
    type=click.IntRange(1, 40),
    default=4,
    show_default=True,
    help="Moments to look at: of several videos, or several of one.",
)
@click.option(
    "--output",
    "-o",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A picture (.png), or an animation of one video (.webp); without it only the statistics.",
)
def command(
    store: Path,
    frames: Path | None,
    videos: tuple[str, ...],
    gaps: tuple[int, ...],
    rows: int,
    output: Path | None,
) -> None:
    """Draw stored flow as pictures, with statistics.

    The colours are those of Baker et al. (hue is direction, saturation is magnitude), on one scale
    for the whole picture. Statistics are magnitudes in pixels and the share of pixels that were
    too large to store (saturated) or have no value (invalid).
    """
    if output is not None and output.suffix not in (".png", ".webp"):
        raise click.UsageError(f"--output {output}: expected a name that ends in .png or .webp")
    from tabulate import tabulate

    from commonfate.flow import review
    from commonfate.storage.flow import open_reader
    from commonfate.storage.frames import FrameReader

    reader = open_reader(store)
    stored = {name: reader.gaps(name) for name in videos or reader.videos}
    shown = list(gaps) or sorted({gap for found in stored.values() for gap in found})
    names = [name for name, found in stored.items() if set(found) & set(shown)]
    if not names:
        raise ConfigError(f"{store}: holds no flow for gaps {shown} of these videos")
    moments = review.moments(reader, names, shown, rows)
    names = list(dict.fromkeys(name for name, _ in moments))
    table = [review.statistics(reader, n, g) for n in names for g in shown if g in stored[n]]
    click.echo(tabulate(table, review.COLUMNS, floatfmt=".3g", missingval="-"))
    if output is None:
        return
    if output.suffix == ".webp":
        every = review.covered(reader, names[0], shown)[:LONGEST]
        moments = [(names[0], t) for t in every]
    frame_reader = FrameReader(frames) if frames else None
    drawn = [review.row(reader, frame_reader, *moment, shown) for moment in moments]
    title = reader.provenance.get("estimator", store.name)
    _save(drawn, shown, title, review.scale(drawn), output)
    click.echo(str(output))


def _save(rows: "list[Row]", gaps: list[int], title: str, maximum: float, output: Path) -> None:
    from commonfate.files import replacing
    from commonfate.flow.pictures import sheet

    with replacing(output) as temporary:
        if output.suffix == ".png":
            sheet(rows, gaps, title, maximum).save(temporary, format="PNG")
            return
        pages = [sheet([row], gaps, title, maximum) for row in rows]
        options = {"duration": 100, "loop": 0, "quality": 85}
        pages[0].save(temporary, format="WEBP", save_all=True, append_images=pages[1:], **options)
