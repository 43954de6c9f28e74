"""`commonfate sprites`: render the embedded data."""

from pathlib import Path

import click

from commonfate.cli import options


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
def command(pairs: tuple[str, ...], jobs: int, output: Path) -> None:
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
