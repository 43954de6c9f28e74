"""`commonfate samples`."""

import logging
from pathlib import Path

import click

log = logging.getLogger(__name__)
EXISTING = click.Path(exists=True, path_type=Path)


@click.command()
@click.option(
    "--manifest",
    "manifests",
    type=EXISTING,
    multiple=True,
    required=True,
    help="results/videos/{dataset}/manifest.parquet; repeat it to train on several datasets.",
)
@click.option(
    "--frames", type=EXISTING, multiple=True, required=True, help="Frame store; one a shard."
)
@click.option(
    "--flow", type=EXISTING, multiple=True, required=True, help="Flow store; one a shard."
)
@click.option(
    "--split",
    type=click.Choice(["train", "val", "all"]),
    default="all",
    show_default=True,
    help="Videos to learn from; ground truth is never read.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    help="results/samples/{name}/index.parquet.",
)
def command(
    manifests: tuple[Path, ...],
    frames: tuple[Path, ...],
    flow: tuple[Path, ...],
    split: str,
    output: Path,
) -> None:
    """Index training samples: one row a frame that has flow, with its gaps and stores.

    Of several datasets, a store belongs to the one whose name is a folder of its path.
    """
    from commonfate import parquet
    from commonfate.samples.build import build

    table, facts = build(manifests, frames, flow, split)
    parquet.write(output, table, facts)
    for dataset, count in facts["videos"].items():
        log.info(
            "%s: %d videos used, %d left out, %d without flow",
            dataset,
            count["used"],
            count["left_out"],
            count["without_flow"],
        )
    log.info("%s: %d samples", output, len(table))
