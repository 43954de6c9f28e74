"""`commonfate flow-quality`: measure flow sources against known flow, and tabulate them."""

import logging
from pathlib import Path
from typing import Any

import click

from commonfate.cli import options

log = logging.getLogger(__name__)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
STORE = click.Path(exists=True, path_type=Path)


@click.group("flow-quality")
def command() -> None:
    """Measure flow sources: end-point error, consistency, quantization, bytes.

    \b
        commonfate flow-quality table dis.json raft.json -o flow_quality.csv
    """


@command.command("measure")
@click.option("--dataset", required=True, metavar="NAME", help="The dataset's name.")
@click.option("--source", required=True, metavar="NAME", help="The flow source's name.")
@click.option("--manifest", required=True, type=FILE, help="The dataset's videos.")
@click.option("--frames", required=True, multiple=True, type=FILE, help="Frame store. Repeatable.")
@click.option("--flow", required=True, multiple=True, type=STORE, help="Flow store. Repeatable.")
@click.option(
    "--sample",
    type=click.IntRange(min=1),
    default=16,
    show_default=True,
    help="Pairs that are estimated again, to measure the rounding; and pairs of --frames-of.",
)
@click.option(
    "--frames-of",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Real frames for the photometric error: DAVIS 2016, or any folder with folders of "
    "numbered images.",
)
@options.device()
@options.threads()
@options.output("The numbers to write (JSON).")
def measure(
    dataset: str,
    source: str,
    manifest: Path,
    frames: tuple[Path, ...],
    flow: tuple[Path, ...],
    sample: int,
    frames_of: Path | None,
    device: str,
    threads: int | None,
    output: Path,
) -> None:
    """Measure one flow source on a dataset whose flow is known exactly.

    \b
        commonfate flow-quality measure --dataset s --source dis --manifest manifest.parquet \\
            --frames 0000.zarr.zip --flow flow.zarr.zip -o dis.json

    All stored pairs are compared with the truth. A sample of them is estimated again, which
    separates the estimator's error from the rounding of storage. Pairs of --frames-of, whose true
    flow is unknown, give the photometric error.
    """
    from commonfate.base import devices, files, provenance
    from commonfate.flow.estimators import registry
    from commonfate.flow.quality.report import StoredFlow, report
    from commonfate.storage.flow import open_reader
    from commonfate.storage.frames import FrameReader

    _limit_threads(threads)
    listing = _listing(manifest)
    truths = {row["id"]: row["truth"] for row in listing if row["status"] == "ok" and row["truth"]}
    stored = StoredFlow.of([open_reader(path) for path in flow])
    on_gpu = stored.settings is not None and registry.runs_on_gpu(stored.settings)
    with devices.acquire(device if on_gpu else "cpu") as acquired:
        readers = [FrameReader(path) for path in frames]
        measurements = report(stored, truths, readers, sample, frames_of, acquired)
    settings = {"sample": sample, "frames_of": frames_of and str(frames_of)}
    record = provenance.record("flow-quality", settings, [manifest], device=acquired)
    record["inputs"] |= {str(path): files.fingerprint(path) for path in (*frames, *flow)}
    record["inputs"] |= {path: files.sha256(path) for path in sorted(truths.values())}
    header = {"dataset": dataset, "source": source, "provenance": record}
    files.write_json(output, {**header, **measurements, "videos": listing})
    log.info("%s: %d videos with exact flow", output, len(truths))


@command.command("table")
@click.argument("measured", nargs=-1, required=True, type=FILE)
@click.option("--scale", default="", help="The scale's name, for the table's notes.")
@options.output(
    "The CSV; Markdown and provenance go beside it.",
    default=Path("results/tables/flow_quality.csv"),
    show_default=True,
)
def table(measured: tuple[Path, ...], scale: str, output: Path) -> None:
    """Put MEASURED files (JSON), a flow source each, into one table.

    \b
        commonfate flow-quality table dis.json raft.json -o flow_quality.csv
    """
    if output.suffix != ".csv":
        raise click.UsageError(f"--output {output}: must end in .csv")
    from commonfate.tables import flow_quality

    assembled = flow_quality.assemble([str(path) for path in measured], output.stem, scale)
    flow_quality.write(assembled, {"scale": scale}, output)
    click.echo(f"{flow_quality.summary(assembled)}\n{output}", err=True)


def _listing(manifest: Path) -> list[dict[str, Any]]:
    from commonfate.base import parquet

    columns = ["id", "source", "status", "reason", "truth"]
    return parquet.read(manifest)[columns].to_dict("records")


def _limit_threads(threads: int | None) -> None:
    if threads is not None:
        import cv2
        import torch

        cv2.setNumThreads(threads)
        torch.set_num_threads(threads)
