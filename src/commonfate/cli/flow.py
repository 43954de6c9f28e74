"""`commonfate flow`: estimate and store optical flow."""

import hashlib
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from commonfate.config import FlowConfig, FlowSource
from commonfate.errors import StoreError
from commonfate.settings import from_pairs

if TYPE_CHECKING:
    from commonfate.flow.providers import FlowProvider
    from commonfate.flow.spread import Crew

log = logging.getLogger(__name__)
FILE = click.Path(dir_okay=False, path_type=Path)


def _gaps(context: click.Context, option: click.Parameter, gaps: tuple[int, ...]) -> list[int]:
    if 0 in gaps:
        raise click.BadParameter("0 is no gap")
    return sorted(set(gaps))


@click.command("flow")
@click.argument("videos", nargs=-1, metavar="[VIDEO]...", type=click.Path(path_type=Path))
@click.option("--manifest", type=FILE, help="Rows of videos; with --frames, instead of VIDEO.")
@click.option("--frames", type=FILE, help="The frame store of these videos.")
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
    help="Estimator and weights, as dis, farneback, raft.things.  [default: dis]",
)
@click.option(
    "--set",
    "pairs",
    multiple=True,
    metavar="KEY=VALUE",
    help="A setting of the flow source: estimator, weights (a name, a file, random), seed, "
    "iterations, preset, precision, channels_last, compile, consistency. Repeatable.",
)
@click.option(
    "--container",
    type=click.Choice(["zarr", "tiff"]),
    default="zarr",
    show_default=True,
    help="One Zarr zip, or a folder with one TIFF a video and gap.",
)
@click.option(
    "--steps-per-pixel",
    type=click.IntRange(min=1),
    default=32,
    show_default=True,
    help="Quantisation; the largest error is half a step.",
)
@click.option(
    "--tiff-layout",
    type=click.Choice(["packed", "planar"]),
    default="planar",
    show_default=True,
    help="`packed` is FlowDINO's layout of bits.",
)
@click.option(
    "--codec",
    type=click.Choice(get_args(FlowConfig.model_fields["codec"].annotation)),
    default="delta2d",
    show_default=True,
    help="How pairs are compressed in Zarr.",
)
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Where networks run; auto takes a free GPU where there is one.",
)
@click.option(
    "--devices",
    metavar="LIST",
    help="Share the videos out to several devices, a process each: cuda:0,cuda:1, or cpu,cpu, or "
    "how many GPUs, or all.",
)
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    help="Pairs at a time; halved when the GPU's memory does not suffice.  [default: what fits]",
)
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    help="CPU threads, of each process.  [default: all cores]",
)
@click.option(
    "--output",
    "-o",
    required=True,
    type=click.Path(path_type=Path),
    help="The store to write; with VIDEO, the folder to write into.",
)
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
    codec: str,
    device: str,
    devices: str | None,
    batch_size: int | None,
    threads: int | None,
    output: Path,
) -> None:
    """Estimate and store optical flow.

    Of your own videos (files, or folders that are searched), into a folder:

        commonfate flow my/videos clip.mp4 -o my/flow --source dis --gap 1

    Of one shard of a dataset, as the workflow does it: --manifest and --frames in place of VIDEO.
    Run again after an interruption, it goes on where it was.
    """
    if bool(manifest and frames) == bool(videos) or (videos and (manifest or frames)):
        raise click.UsageError("give either videos, or both --manifest and --frames")
    if devices and device != "auto":
        raise click.UsageError("give either --device or --devices")
    from commonfate.devices import acquire
    from commonfate.flow import providers

    flow_source = _source(source, pairs)
    on_gpu = providers.runs_on_gpu(flow_source)
    if not on_gpu and "cuda" in (device, *(devices or "").replace(":", ",").split(",")):
        log.info("%s runs on the CPU only", flow_source.estimator)
    crew = _crew(devices, flow_source, batch_size, threads) if devices else None
    if threads:
        providers.limit_threads(threads, flow_source)
    # Of several devices each process acquires its own; this one only says what is computed.
    with acquire(device if on_gpu and not crew else "cpu") as acquired:
        provider = providers.create(flow_source, acquired, batch_size)
        if videos:
            from commonfate.flow import own_videos

            manifest, frames = own_videos.decode(videos, output, gaps)
            output = output / {"zarr": "flow.zarr.zip", "tiff": "flow.tiff"}[container]
        rows = _rows(manifest, shard, gaps)
        storage = {
            "container": container,
            "steps_per_pixel": steps_per_pixel,
            "tiff_layout": tiff_layout,
            "codec": codec,
        }
        facts = {
            "source": flow_source.model_dump(mode="json"),
            "device": ",".join(crew.devices) if crew else acquired,
        }
        write(rows, manifest, frames, provider, gaps, output, storage, facts, crew)
    if videos:
        click.echo(f"{output}\nSee it with: commonfate view {output} --frames {frames} -o flow.png")


def write(
    videos: Sequence[dict[str, Any]],
    manifest: Path,
    frames: Path,
    provider: "FlowProvider",
    gaps: Sequence[int],
    output: Path,
    storage: dict[str, Any],
    facts: dict[str, Any],
    crew: "Crew | None" = None,
) -> None:
    """Write the flow store of some videos, unless it is there already, made of the same.

    Args:
        videos: rows of the manifest.
        manifest: where they are from.
        frames: the store of their frames.
        provider: where flow comes from.
        gaps: from frame t to t + gap.
        output: the store.
        storage: `container`, `steps_per_pixel`, `tiff_layout` and `codec`, as
            `storage.flow.open_writer` takes them.
        facts: `source`, the settings of the flow source, and `device`, for the provenance.
        crew: the processes that do the work; None does it in this one.

    Raises:
        UserError: nothing gave any flow, or the disk is full.
    """
    from commonfate import provenance
    from commonfate.files import exclusive
    from commonfate.flow import spread
    from commonfate.flow.extract import extract, full_disk_is_said
    from commonfate.storage.flow import open_writer
    from commonfate.storage.frames import FrameReader

    record = provenance.record(
        "flow",
        {"source": facts["source"], "gaps": list(gaps), **storage},
        inputs=[manifest, frames, *provider.inputs(videos)],
        estimator=provider.description,
        weights_sha256=provider.weights_sha256,
        device=facts["device"],
    )
    made_of = [record[name] for name in ("settings", "estimator", "weights_sha256")]
    # Of the manifest only the list of videos: its bytes change with the time of its making.
    made_of += [[video["id"] for video in videos if video["status"] == "ok"]]
    made_of += [digest for path, digest in record["inputs"].items() if path != str(manifest)]
    key = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()
    with full_disk_is_said(output), exclusive(output):
        if _key_of(output) == key:
            log.info("%s is there already, made of the same", output)
            return
        with open_writer(output, **storage, provenance={**record, "key": key}, key=key) as writer:
            if crew is None:
                extract(videos, FrameReader(frames), provider, gaps, writer)
            else:
                spread.extract(videos, frames, gaps, writer, crew)


def _key_of(store: Path) -> str | None:
    """What a store was made of; None where there is none that can be read."""
    from commonfate.storage.flow import open_reader

    try:
        return open_reader(store).provenance.get("key")
    except StoreError:
        return None


def _source(name: str | None, pairs: tuple[str, ...]) -> FlowSource:
    if name is None:
        return from_pairs(FlowSource, pairs or ["estimator=dis"])
    estimator, _, weights = name.partition(".")
    named = [f"estimator={estimator}", *([f"weights={weights}"] if weights else [])]
    return from_pairs(FlowSource, [*named, *pairs])


def _rows(manifest: Path, shard: int | None, gaps: Sequence[int]) -> list[dict[str, Any]]:
    from commonfate import parquet
    from commonfate.datasets.inventory import of_shard
    from commonfate.videos.manifest import long_enough

    table = parquet.read(manifest)
    chosen = table if shard is None else of_shard(table, shard, manifest)
    return long_enough(chosen, gaps).to_dict("records")


def _crew(devices: str, source: FlowSource, batch_size: int | None, threads: int | None) -> "Crew":
    import cv2

    from commonfate.flow import providers, spread

    names = spread.parse(devices)
    if not providers.runs_on_gpu(source):
        names = ["cpu"] * len(names)
    each = threads or max(1, cv2.getNumThreads() // len(names))
    return spread.Crew(tuple(names), source, batch_size, each)
