"""`commonfate segment`: masks of what moves in one's own videos."""

from pathlib import Path
from typing import Any

import click

from commonfate.base.text import counted
from commonfate.cli import options
from commonfate.segmentation.settings import SegmentSettings
from commonfate.videos.settings import DecodeConfig


@click.command("segment")
@click.argument(
    "videos", nargs=-1, required=True, metavar="VIDEO...", type=click.Path(path_type=Path)
)
@options.fields(SegmentSettings, "quality", "objects", "short_side", "longest", "camera")
@click.option(
    "--per-video/--shared",
    default=True,
    show_default=True,
    help=SegmentSettings.model_fields["per_video"].description,
)
@options.fields(SegmentSettings, "training_steps", "seed", "encoder", "flow")
@click.option(
    "--checkpoint",
    type=click.Path(exists=True, path_type=Path),
    help="Apply a trained network, in the place of --quality: the folder of a run, or one that "
    "--quality best wrote. VIDEO may be photographs then, too.",
)
@click.option("--film/--no-film", default=True, show_default=True, help="Write overlay.mp4.")
@options.device()
@options.threads()
@options.fields(DecodeConfig, "timeout_s", "deinterlace")
@click.option("--retry", is_flag=True, help="Try again all videos that were left out.")
@options.output("Folder to write to, a folder a video in it.", folder=True)
def command(
    videos: tuple[Path, ...],
    film: bool,
    device: str,
    threads: int | None,
    timeout_s: float,
    deinterlace: bool,
    retry: bool,
    checkpoint: Path | None,
    output: Path,
    **chosen: Any,
) -> None:
    """Segment what moves in your videos, without labels.

    \b
        commonfate segment clip.mp4 my_videos -o segments

    VIDEO is a file, or a folder that is searched for videos and for frames as images. Each video
    gets OUTPUT/NAME with masks/00000.png (0 is background), overlay.mp4, sheet.jpg and
    segmentation.json: boxes, areas and run lengths of each frame's objects, and the shots that were
    found. After an interruption the same command goes on with the videos that are not finished.
    """
    settings = SegmentSettings(**chosen)
    import cv2
    import torch

    from commonfate.base.devices import acquire
    from commonfate.segmentation import outputs, own
    from commonfate.videos.decode import Decoding

    if threads:
        torch.set_num_threads(threads)
        cv2.setNumThreads(threads)
    with acquire(device) as acquired:
        tools = own.tools_of(settings, acquired)
        decoding = Decoding(timeout_s=timeout_s, deinterlace=deinterlace)
        results = own.run(videos, output, settings, tools, decoding, film, retry, checkpoint)
    for result in results:
        if not result.failure:
            click.echo(f"{result.folder / outputs.SHEET}: {_summary(result.about)}")
    failed = [result for result in results if result.failure]
    if failed:
        lines = [f"  {result.video}: {result.failure}" for result in failed]
        raise click.ClickException("\n".join([f"{len(failed)} not segmented:", *lines]))


def _summary(about: dict[str, Any]) -> str:
    frames, empty = about["frames_count"], about["empty_frames"]
    text = f"{counted(frames, 'frame')}, {about['seconds']:.0f} s"
    if len(about["shots"]) > 1:
        text += f", {len(about['shots'])} shots"
    if empty == frames:
        return f"{text}; no foreground: {about['parts'][0]['foreground']}"
    return f"{text}; {empty} without foreground" if empty else text
