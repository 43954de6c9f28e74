"""`commonfate features`: extract and store features of an encoder."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from commonfate.base.text import counted
from commonfate.cli import options
from commonfate.videos.settings import DecodeConfig

if TYPE_CHECKING:
    from commonfate.prediction.features.product import Sources

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("features")
@click.argument("files", nargs=-1, metavar="[IMAGE_OR_VIDEO]...", type=click.Path(path_type=Path))
@click.option(
    "--manifest",
    type=FILE,
    help="Manifest of a dataset's videos; with --frames, instead of IMAGE_OR_VIDEO.",
)
@click.option(
    "--frames", type=FILE, multiple=True, help="Frame store of the manifest's videos. Repeatable."
)
@click.option("--shard", type=click.IntRange(min=0), help="Only this shard of the manifest.")
@click.option("--split", default="all", show_default=True, help="Split of the manifest.")
@click.option(
    "--frames-of",
    type=click.Choice(["annotated", "all"]),
    default="all",
    show_default=True,
    help="Of the manifest's videos, the frames with ground truth, or all.",
)
@click.option(
    "--encoder",
    required=True,
    metavar="NAME",
    help="A published encoder, e.g. dino.vits16, `bundled`, random.vit_small_16, or a file of "
    "weights.",
)
@click.option("--part", help="Network of a file that holds several, e.g. student.")
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Of random weights."
)
@click.option(
    "--view",
    "view_name",
    default="448.tokens",
    show_default=True,
    help="Size of the pictures and features: 448.tokens, 224.cls, 480short.tokens+attention, "
    "native.keys, ...; see docs/features.md.",
)
@click.option(
    "--every",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Of a video, take every N-th frame, from the first one on.",
)
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    default=16,
    show_default=True,
    help="Pictures of one size that the encoder takes at once.",
)
@options.device()
@options.threads()
@options.fields(DecodeConfig, "timeout_s", "deinterlace", note="Only with IMAGE_OR_VIDEO.")
@options.output("The store to write (.zarr.zip).")
def command(
    files: tuple[Path, ...],
    manifest: Path | None,
    frames: tuple[Path, ...],
    encoder: str,
    part: str | None,
    seed: int,
    view_name: str,
    batch_size: int,
    device: str,
    threads: int | None,
    output: Path,
    **chosen: Any,
) -> None:
    """Extract and store features of an encoder.

    Of your own images and videos (files, or folders that are searched), into one store:

    \b
        commonfate features photos clip.mp4 -o features.zarr.zip --encoder dino.vits16

    For a dataset, as in the workflow: --manifest and --frames instead of files. An image or video
    that cannot be read is left out with a line that says why; the others go on. After an
    interruption the same command resumes.
    """
    if bool(files) == bool(manifest) or bool(manifest) != bool(frames):
        raise click.UsageError("give either files, or both --manifest and --frames")
    from commonfate.prediction.features import views

    view = views.parse(view_name)
    import torch

    from commonfate.base import provenance
    from commonfate.base.devices import acquire
    from commonfate.models.catalogue import encoder_name
    from commonfate.models.encoders import create
    from commonfate.prediction.features import extract, product

    if threads:
        torch.set_num_threads(threads)
    encoder = encoder_name(encoder)
    network = create.create(encoder, seed, part)
    extract.check(network, view)
    if manifest is not None:
        selection: dict[str, Any] = {
            name: chosen[name] for name in ("shard", "split", "frames_of", "every")
        }
        contents, sources = _of_dataset(manifest, frames, **selection)
        inputs: list[Path] = [manifest, *frames]
    else:
        selection = {name: chosen[name] for name in ("every", "timeout_s", "deinterlace")}
        contents, sources = _of_files(files, **selection)
        inputs = []
    settings = {"encoder": encoder, "part": part, "seed": seed, "view": str(view), **selection}
    record = provenance.record("features", settings, inputs)
    with acquire(device) as acquired:
        described = "cpu" if acquired == "cpu" else torch.cuda.get_device_name(acquired)
        spec = product.Spec(network.to(acquired), view, described, selection, record)
        reader = product.write(spec, contents, sources, output, batch_size)
    left = f", {len(reader.left_out)} left out" if reader.left_out else ""
    read = counted(len(reader.videos), "image or video", "images and videos")
    click.echo(f"{output}: {counted(len(reader), 'item')} of {read}{left}")


def _of_dataset(
    manifest: Path,
    frames: tuple[Path, ...],
    shard: int | None,
    split: str,
    frames_of: str,
    every: int,
) -> "tuple[dict[str, str], Sources]":
    """Contents by video, and the videos, of a dataset."""
    from contextlib import nullcontext

    from commonfate.base import parquet
    from commonfate.datasets.inventory import of_shard
    from commonfate.prediction import benchmark
    from commonfate.prediction.features.sources import StoredVideo
    from commonfate.prediction.stores import Frames

    read = benchmark.read if frames_of == "annotated" else benchmark.read_whole
    stores = Frames(frames)
    listed = read(manifest, split)
    table = parquet.read(manifest)
    here = {*(table if shard is None else of_shard(table, shard, manifest))["id"]}
    left_out = {name: reason for name, reason in listed.left_out.items() if name in here}
    opened = []
    for video in listed.videos:
        if video.name not in here:
            continue
        times = list(video.annotations) if frames_of == "annotated" else range(video.frames)
        opened.append(StoredVideo(video.name, times[::every], stores))
    contents = {each.name: f"{stores.digest([each.name])} {list(each.times)}" for each in opened}
    return contents, lambda: nullcontext((opened, left_out))


def _of_files(
    files: tuple[Path, ...], every: int, timeout_s: float, deinterlace: bool
) -> "tuple[dict[str, str], Sources]":
    """Contents by video, and the videos, of a user's own files."""
    from commonfate.prediction.features import own_files, sources
    from commonfate.storage import frame_files
    from commonfate.videos.decode import Decoding

    listed = own_files.given(files)
    contents = {file.id: f"{frame_files.state_of([file.path])} {file.fault}" for file in listed}
    decoding = Decoding(timeout_s=timeout_s, deinterlace=deinterlace)
    return contents, lambda: sources.own(listed, every, decoding)
