"""Whole runs of `commonfate segment` on clips of the kind that people have: time, memory and J.

    python benchmarks/segment_clips.py --threads 2
    python benchmarks/segment_clips.py --clip 1080p --quality fast

`hand_held`, `static_camera` and `long` are made of DAVIS frames in --data; `480p` and `1080p` are a
hundred frames of a sequence (dog, forwards and backwards) at these sizes. Each row is a process of
its own, from the film to all files: minutes by the clock and processor seconds, each by 100 frames,
and the largest memory that it held. J is the mean over all frames at full size; no choice looks at
the ground truth.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import numpy as np
import real_clips
import real_data
from PIL import Image
from real_segments import SHARED, overlap
from tabulate import tabulate

CLIPS = ("hand_held", "static_camera", "long", "480p", "1080p")
QUALITIES = ("fast", "good", "best")


def clips(data: Path) -> dict[str, real_clips.Clip]:
    """All clips by name."""
    sequences = dict(real_data.davis(data, None))
    hundred = real_clips.long(sequences["dog"], 100)
    images = real_data.Images(hundred.frames, hundred.truth)
    sizes = [real_clips.enlarged(images, size) for size in ((480, 854), (1080, 1920))]
    return {clip.name: clip for clip in (*real_clips.made(sequences), *sizes)}


def measured(film: str, quality: str, threads: int, output: Path) -> tuple[float, float, float]:
    """Seconds by the clock, of processor time, and GB at most, of a run of the verb."""
    command = [sys.executable, "-c", "from commonfate.cli import main; main()", "segment", film]
    command += ["--quality", quality, "--threads", str(threads), "--output", str(output)]
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise click.ClickException(f"{' '.join(command[3:])} failed")
    spent = usage.ru_utime + usage.ru_stime
    return time.monotonic() - began, spent, usage.ru_maxrss / 1e6


def jaccard(folder: Path, truth: list[np.ndarray]) -> float:
    """Mean J of the masks in a folder, percent."""
    files = sorted(folder.glob("masks/*.png"))
    masks = [np.asarray(Image.open(file)) > 0 for file in files]
    # Films have even sides.
    pairs = zip(masks, truth, strict=True)
    return 100 * float(np.mean([overlap(m, t[: m.shape[0], : m.shape[1]] > 0) for m, t in pairs]))


@click.command(help=__doc__.splitlines()[0])
@click.option("--data", type=click.Path(path_type=Path), default=SHARED, help="folder of the data")
@click.option("--clip", "names", multiple=True, type=click.Choice(CLIPS), help="only these clips")
@click.option("--quality", "qualities", multiple=True, type=click.Choice(QUALITIES), help="only")
@click.option("--threads", default=2, help="threads of the verb")
@click.option("--keep", type=click.Path(path_type=Path), help="folder for films and masks")
def main(
    data: Path,
    names: tuple[str, ...],
    qualities: tuple[str, ...],
    threads: int,
    keep: Path | None,
) -> None:
    """Print a table: a row a clip and quality."""
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for name, clip in clips(data).items():
            if names and name not in names:
                continue
            film = clip.write(str(folder))
            for quality in qualities or QUALITIES:
                output = folder / quality
                clock, spent, memory = measured(film, quality, threads, output)
                score, hundred = jaccard(output / name, clip.truth), len(clip.frames) / 100
                minutes, seconds = clock / 60 / hundred, spent / hundred
                row = (f"{score:.1f}", f"{minutes:.2f}", f"{seconds:.0f}", f"{memory:.2f}")
                rows.append((name, len(clip.frames), quality, *row))
                click.echo(f"{rows[-1]}", err=True)
    headers = ("clip", "frames", "quality", "J", "min a 100", "CPU s a 100", "GB")
    click.echo(tabulate(rows, headers, tablefmt="github", disable_numparse=True))


if __name__ == "__main__":
    main()
