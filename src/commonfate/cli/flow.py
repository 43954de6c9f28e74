"""`commonfate flow`: estimate and store optical flow."""

import logging
import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from commonfate.base.settings import from_pairs
from commonfate.cli import options
from commonfate.flow.settings import FlowConfig, FlowSource
from commonfate.videos.settings import DecodeConfig

if TYPE_CHECKING:
    from commonfate.flow.extraction.processes import ProcessSettings

log = logging.getLogger(__name__)
FILE = click.Path(dir_okay=False, path_type=Path)


def _gaps(context: click.Context, option: click.Parameter, gaps: tuple[int, ...]) -> list[int]:
    if 0 in gaps:
        raise click.BadParameter("0 is no gap")
    return sorted(set(gaps))


@click.command("flow")
@click.argument("videos", nargs=-1, metavar="[VIDEO]...", type=click.Path(path_type=Path))
@click.option(
    "--manifest", type=FILE, help="Manifest of a dataset's videos; with --frames, instead of VIDEO."
)
@click.option("--frames", type=FILE, help="Frame store of the manifest's videos.")
@click.option("--shard", type=click.IntRange(min=0), help="Only this shard of the manifest.")
@click.option(
    "--gap",
    "gaps",
    type=click.IntRange(-64, 64),
    multiple=True,
    default=(1,),
    show_default=True,
    callback=_gaps,
    help="Flow from frame t to t+gap; negative looks back. Repeatable.",
)
@click.option(
    "--source",
    metavar="NAME[.WEIGHTS]",
    help="Estimator and weights, e.g. dis, farneback, raft.things.  [default: dis]",
)
@options.assignments(f"A setting of the flow source: {', '.join(FlowSource.model_fields)}.")
@options.fields(FlowConfig, "container", "steps_per_pixel", "tiff_layout")
@options.device()
@options.devices("the videos")
@options.fields(FlowConfig, "batch_size")
@options.threads("the processes of --devices")
@options.fields(DecodeConfig, "timeout_s", "deinterlace", note="Only with VIDEO.")
@click.option(
    "--keep-frames",
    is_flag=True,
    help="For VIDEO: keep the decoded frames in OUTPUT; they are about ten times larger than the "
    "video.",
)
@click.option(
    "--retry",
    is_flag=True,
    help="Try again all videos that were left out; by default, only those whose files have "
    "changed.",
)
@options.output("The store to write; with VIDEO, the folder to write to.", folder=None)
def command(
    videos: tuple[Path, ...],
    manifest: Path | None,
    frames: Path | None,
    shard: int | None,
    gaps: list[int],
    source: str | None,
    pairs: tuple[str, ...],
    container: str,
    steps_per_pixel: int,
    tiff_layout: str,
    device: str,
    devices: str | None,
    batch_size: int | None,
    threads: int | None,
    timeout_s: float,
    deinterlace: bool,
    keep_frames: bool,
    retry: bool,
    output: Path,
) -> None:
    """Estimate and store optical flow.

    For your own videos (files, or folders that are searched), into a folder:

    \b
        commonfate flow my/videos clip.mp4 -o my/flow --source dis --gap 1

    For a shard of a dataset, as in the workflow: --manifest and --frames instead of VIDEO. After an
    interruption the same command resumes.
    """
    if bool(manifest and frames) == bool(videos) or (videos and (manifest or frames)):
        raise click.UsageError("give either videos, or both --manifest and --frames")
    from commonfate.base.devices import acquire
    from commonfate.flow.estimators import registry
    from commonfate.flow.extraction import product

    flow_source = _source(source, pairs)
    on_gpu = registry.runs_on_gpu(flow_source)
    if not on_gpu and "cuda" in (device, *(devices or "").replace(":", ",").split(",")):
        log.info("%s runs on the CPU only", flow_source.estimator)
    processes = None
    if devices:
        processes = _processes(devices, device, flow_source, batch_size, threads)
    if threads:
        registry.limit_threads(threads, flow_source)
    # With several devices each process acquires its own; this one only describes the flow.
    with acquire(device if on_gpu and not processes else "cpu") as acquired:
        spec = product.StoreSpec(
            registry.create_provider(flow_source, acquired, batch_size),
            gaps,
            storage={
                "container": container,
                "steps_per_pixel": steps_per_pixel,
                "tiff_layout": tiff_layout,
            },
            source=flow_source.model_dump(mode="json"),
            device=",".join(processes.devices) if processes else acquired,
            own={},
        )
        if manifest and frames:
            rows = _rows(manifest, shard, gaps)
            product.write(spec, rows, manifest, frames, output, processes, retry)
            return
        from commonfate.base.files import exclusive
        from commonfate.flow.extraction.own_videos import OwnVideos
        from commonfate.videos.decode import Decoding

        decoding = Decoding(timeout_s=timeout_s, deinterlace=deinterlace)
        own = OwnVideos(videos, output, gaps, decoding)
        store = output / {"zarr": "flow.zarr.zip", "tiff": "flow.tiff"}[container]
        spec = replace(spec, own={"videos": own.settings, "run_in": str(Path.cwd())})
        with exclusive(output, output / ".lock"):
            complete = not keep_frames or own.has_frames()
            if complete and product.is_up_to_date(spec, store, retry):
                own.log_left_out()
            else:
                with own.decoded(keep_frames, retry) as (report, decoded):
                    rows = _rows(report, shard, gaps)
                    product.write(spec, rows, report, decoded, store, processes, retry)
    view = ["commonfate", "view", str(store), "-o", str(output / "flow.png")]
    click.echo(f"{store}\nSee it with: {shlex.join(view)}")


def _source(name: str | None, pairs: tuple[str, ...]) -> FlowSource:
    if name is None:
        return from_pairs(FlowSource, pairs or ["estimator=dis"])
    estimator, _, weights = name.partition(".")
    named = [f"estimator={estimator}", *([f"weights={weights}"] if weights else [])]
    return from_pairs(FlowSource, [*named, *pairs])


def _rows(manifest: Path, shard: int | None, gaps: list[int]) -> list[dict[str, Any]]:
    from commonfate.base import parquet
    from commonfate.datasets.inventory import of_shard
    from commonfate.videos.manifest import long_enough

    table = parquet.read(manifest)
    chosen = table if shard is None else of_shard(table, shard, manifest)
    return long_enough(chosen, gaps).to_dict("records")


def _processes(
    devices: str, device: str, source: FlowSource, batch_size: int | None, threads: int | None
) -> "ProcessSettings":
    import cv2

    from commonfate.base.devices import listed
    from commonfate.flow.estimators import registry
    from commonfate.flow.extraction.processes import ProcessSettings

    names = listed(devices, device)
    if not registry.runs_on_gpu(source):
        names = ["cpu"] * len(names)
    each = max(1, (threads or cv2.getNumThreads()) // len(names))
    return ProcessSettings(tuple(names), source, batch_size, each)
