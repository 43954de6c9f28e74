"""`commonfate try`: draw the optical flow of a video at once."""

from pathlib import Path

import click

from commonfate.cli import flow, options, view

RENDERED = {"videos": 3, "frames": 10, "size": (240, 416), "seed": 3}
"""Settings of the rendered videos, if none is given."""
ROWS = 3


@click.command("try")
@click.argument("videos", nargs=-1, metavar="[VIDEO]...", type=click.Path(path_type=Path))
@click.option(
    "--source",
    metavar="NAME[.WEIGHTS]",
    default="dis",
    show_default=True,
    help="Estimator and weights, as for `commonfate flow`; raft_small.sprites is bundled, too.",
)
@options.output(
    "Folder for the picture (flow.png), the flow, and the videos that are rendered.",
    folder=True,
    default=Path("first_look"),
    show_default=True,
)
@click.pass_context
def command(context: click.Context, videos: tuple[Path, ...], source: str, output: Path) -> None:
    """Draw the optical flow of a video, or of two that are rendered here.

    \b
        commonfate try
        commonfate try clip.mp4 -o look

    Estimates the flow from every frame to the next, and draws some frames into OUTPUT/flow.png. For
    more see commonfate flow and commonfate view.
    """
    videos = videos or tuple(_rendered(output / "rendered"))
    context.invoke(flow.command, videos=videos, gaps=[1], source=source, output=output)
    store, picture = output / "flow.zarr.zip", output / "flow.png"
    context.invoke(view.command, store=store, rows=ROWS, arrows=True, output=picture)


def _rendered(folder: Path) -> list[Path]:
    from commonfate.datasets.settings import SpritesConfig
    from commonfate.datasets.sprites import listing, produce

    config = SpritesConfig(**RENDERED)
    if not (folder / "provenance.json").is_file():
        produce.produce(config, folder)
    return [video["path"] for video in listing.videos(config, folder)]
