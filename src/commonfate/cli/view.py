"""`commonfate view`: draw stored flow as pictures or films, with statistics."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from commonfate.base.errors import ConfigError, StoreError
from commonfate.cli import options

if TYPE_CHECKING:
    from PIL.Image import Image

    from commonfate.flow.drawing.pictures import Row
    from commonfate.flow.extraction.source_frames import SourceFrames
    from commonfate.storage.flow_reader import FlowReader
    from commonfate.storage.frames import FrameReader

log = logging.getLogger(__name__)
SUFFIXES = (".png", ".webp", ".mp4")
FPS = 10.0
"""Frame rate of a film without a frame store."""


@click.command("view")
@click.argument("store", metavar="FLOW_STORE", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--frames",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The frame store of the flow, to draw frames beside the flow.  [default: for flow that "
    "`commonfate flow VIDEO` stored, the decoded video]",
)
@click.option("--video", "videos", multiple=True, help="Only this video. Repeatable.")
@click.option("--gap", "gaps", type=int, multiple=True, help="Only this gap. Repeatable.")
@click.option(
    "--rows",
    type=click.IntRange(1, 40),
    default=4,
    show_default=True,
    help="Rows of a picture: moments of several videos, or several moments of one.",
)
@click.option(
    "--tile",
    type=click.IntRange(64, 4096),
    default=360,
    show_default=True,
    help="Width of a frame in the picture, pixels.",
)
@click.option(
    "--fps",
    type=click.FloatRange(min=0, min_open=True),
    help=f"Frames a second of a film.  [default: as in the frame store, else {FPS:g}]",
)
@click.option(
    "--only-consistent",
    is_flag=True,
    help="Draw black where forward and backward flow (of the opposite gap) disagree.",
)
@click.option(
    "--arrows", is_flag=True, help="Also draw the flow of the first gap as arrows over the frame."
)
@options.output(
    "A picture (.png), or a film of one video (.mp4, .webp); without -o only the statistics.",
    required=False,
)
def command(
    store: Path,
    frames: Path | None,
    videos: tuple[str, ...],
    gaps: tuple[int, ...],
    rows: int,
    tile: int,
    fps: float | None,
    only_consistent: bool,
    arrows: bool,
    output: Path | None,
) -> None:
    """Draw stored flow as pictures or films, with statistics.

    \b
        commonfate view flow/flow.zarr.zip -o flow.png
        commonfate view flow/flow.zarr.zip --video clip --arrows -o flow.mp4

    The colours are those of Baker et al. (hue is direction, saturation is magnitude), with one
    scale for the whole picture. Statistics are percentiles of the magnitude in pixels; the share of
    pixels that were too large to store (saturated) or have no value (invalid); and, if the opposite
    gap is stored as well, the share that passes the forward-backward test (consistent). Percentiles
    and consistency come from up to 12 pairs of each video.
    """
    if output is not None and output.suffix not in SUFFIXES:
        raise click.UsageError(f"--output {output}: must end in {', '.join(SUFFIXES)}")
    from tabulate import tabulate

    from commonfate.flow.drawing import review
    from commonfate.storage.flow import open_reader
    from commonfate.storage.frames import FrameReader

    reader = open_reader(store)
    stored = {name: reader.gaps(name) for name in videos or reader.videos}
    shown = list(gaps) or sorted({gap for of_video in stored.values() for gap in of_video})
    names = [name for name, of_video in stored.items() if set(of_video) & set(shown)]
    if not names:
        raise ConfigError(f"{store}: holds no flow for gaps {shown} of these videos")
    if output is not None and output.suffix != ".png":
        names = names[:1]
    moments = review.moments(reader, names, shown, rows)
    names = list(dict.fromkeys(name for name, _ in moments))
    table = [review.statistics(reader, n, g) for n in names for g in shown if g in stored[n]]
    click.echo(tabulate(table, review.COLUMNS, floatfmt=".3g", missingval="-"))
    if output is None:
        return
    frame_reader = FrameReader(frames) if frames else _frames_beside(reader, moments)
    drawing = _Drawing(reader, frame_reader, shown, tile, only_consistent, arrows)
    if output.suffix == ".png":
        drawing.sheet(moments, output)
    else:
        rate = fps or (frame_reader.fps(names[0]) if frame_reader else FPS)
        drawing.film(names[0], rate, output)
    click.echo(str(output))


def _frames_beside(
    reader: "FlowReader", moments: Sequence[tuple[str, int]]
) -> "FrameReader | SourceFrames | None":
    """Frames decoded from the videos; None, with a warning, if they cannot be read."""
    from commonfate.flow.extraction import source_frames

    try:
        frames = source_frames.beside(reader)
        if frames is not None:
            for video in dict.fromkeys(video for video, _ in moments):
                frames.read(video, 0)
    except StoreError as error:
        log.warning("%s; the flow is drawn without its frames", error)
        return None
    return frames


@dataclass(frozen=True)
class _Drawing:
    reader: "FlowReader"
    frames: "FrameReader | SourceFrames | None"
    gaps: Sequence[int]
    tile: int
    only_consistent: bool
    arrows: bool

    def sheet(self, moments: Sequence[tuple[str, int]], output: Path) -> None:
        """Draw a picture of several moments."""
        from commonfate.base.files import replacing
        from commonfate.flow.drawing import review

        rows = [self._row(*moment) for moment in moments]
        picture = self._draw(rows, review.scale(rows))
        with replacing(output) as temporary:
            picture.save(temporary, format="PNG")

    def film(self, video: str, fps: float, output: Path) -> None:
        """Draw a film of one video; frames are read, drawn and encoded one by one."""
        import numpy as np

        from commonfate.base.files import replacing
        from commonfate.base.progress import track
        from commonfate.flow.drawing import animation, review

        every = review.covered(self.reader, video, self.gaps)
        sample = review.spread(every, review.SAMPLE)
        maximum = review.scale([self._row(video, t) for t in sample])
        drawn = (
            np.asarray(self._draw([self._row(video, t)], maximum))
            for t in track(every, f"drawing {video} (frames)", len(every))
        )
        with replacing(output) as temporary:
            animation.write(temporary, drawn, fps, output.suffix[1:])

    def _row(self, video: str, t: int) -> "Row":
        from commonfate.flow.drawing import review

        return review.row(self.reader, self.frames, video, t, self.gaps, self.only_consistent)

    def _draw(self, rows: Sequence["Row"], maximum: float) -> "Image":
        from commonfate.flow.drawing import pictures

        title = self.reader.provenance.get("estimator", self.reader.path.name)
        black = "no value or inconsistent" if self.only_consistent else "no value"
        return pictures.sheet(rows, self.gaps, title, maximum, self.tile, black, self.arrows)
