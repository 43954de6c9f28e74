"""Boxes of the objects of a dataset: `commonfate boxes`."""

import logging
from pathlib import Path

import click

from commonfate.cli import options

log = logging.getLogger(__name__)
FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("boxes")
@click.option("--dataset", required=True, metavar="NAME", help="Name of the dataset.")
@options.assignments("A setting of the dataset, e.g. adapter=voc_boxes or root=VOCdevkit/VOC2007.")
@click.option("--manifest", required=True, type=FILE, help="Written by `commonfate manifest`.")
@options.output("The table to write, a row a box (Parquet).")
def command(dataset: str, pairs: tuple[str, ...], manifest: Path, output: Path) -> None:
    """List the boxes of a dataset's objects.

    \b
        commonfate boxes --dataset voc2007 --set adapter=voc_boxes --set root=VOCdevkit/VOC2007 \\
            --manifest manifest.parquet -o boxes.parquet

    They are those that the dataset ships, else those around the visible part of each object of its
    masks, or around the foreground of masks without objects. Columns: video, t (of the frames that
    are used), x0, y0, x1, y1 (pixels from the left and upper edge), class, difficult, truncated,
    crowd. Videos that the manifest leaves out have no rows.
    """
    from commonfate import datasets
    from commonfate.base import parquet, provenance
    from commonfate.datasets import boxes, inventory

    settings = inventory.parse_settings(pairs)
    # Rendered data have boxes by the masks that the manifest lists.
    adapter = datasets.open(dataset, settings, "")
    table = boxes.of_dataset(adapter, parquet.read(manifest))
    listed = settings.model_dump(mode="json", exclude={"gaps", "pair_gaps", "shard_size"})
    record = provenance.record("boxes", {"dataset": dataset, **listed}, inputs=[manifest])
    parquet.write(output, table, record)
    log.info("%s: %d boxes of %d videos", dataset, len(table), table["video"].nunique())
