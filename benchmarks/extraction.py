"""Speed of flow extraction: `commonfate flow`'s way beside a plain loop over files, in one run.

    python benchmarks/extraction.py --root ../shared/data/DAVIS2016 --threads 2

The plain loop is what one writes first: for each gap and each pair, read two images, estimate with
all of OpenCV's threads (one DIS object, used again and again), write a `.flo` file. Each way has a
process of its own, warmed up before it is timed; the ways take turns, so that other load on the
machine meets all alike. `benchmarks/networks.py` does the same for networks.
"""

import multiprocessing
import shutil
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import click
import cv2
import numpy as np
from tabulate import tabulate

GAPS = ((-2, -1, 1, 2), (-1, 1))
PLAIN = "plain loop, .flo"


def plain(files: Sequence[Path], gaps: Sequence[int], folder: Path) -> None:
    """Read, estimate, write, a pair at a time."""
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    for gap in gaps:
        for t in range(max(0, -gap), min(len(files), len(files) - gap)):
            images = (cv2.imread(str(file)) for file in (files[t], files[t + gap]))
            first, second = (cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) for image in images)
            cv2.writeOpticalFlow(str(folder / f"{gap}_{t:05d}.flo"), dis.calc(first, second, None))


def ours(files: Sequence[Path], gaps: Sequence[int], folder: Path, container: str) -> None:
    """What `commonfate flow` does, with the same estimator."""
    from commonfate.flow.estimators import registry
    from commonfate.flow.extraction.extract import extract
    from commonfate.flow.settings import FlowSource
    from commonfate.storage.flow import open_writer
    from commonfate.storage.frames import FrameReader, FrameWriter

    size = cv2.imread(str(files[0])).shape[:2]
    with FrameWriter(folder / "frames.zarr.zip") as frames:
        frames.add_files("video", files, size, fps=24.0)
    provider = registry.create_provider(FlowSource(estimator="dis"), "cpu")
    row = {"id": "video", "status": "ok", "truth": ""}
    reader = FrameReader(folder / "frames.zarr.zip")
    with open_writer(folder / "flow", container, provenance={}, key="") as writer:
        extract([row], reader, provider, gaps, writer)


WAYS = {
    PLAIN: plain,
    "commonfate, zarr": lambda *arguments: ours(*arguments, "zarr"),
    "commonfate, tiff": lambda *arguments: ours(*arguments, "tiff"),
}


def measure(
    way: str, files: Sequence[Path], gaps: Sequence[int], threads: int
) -> tuple[float, float, float]:
    """Wall and CPU milliseconds, and kilobytes written, of a pair. Runs in the way's process."""
    cv2.setNumThreads(threads)
    folder = Path(tempfile.mkdtemp())
    try:
        wall, cpu = time.perf_counter(), time.process_time()
        WAYS[way](files, gaps, folder)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        written = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    finally:
        shutil.rmtree(folder)
    pairs = sum(len(files) - abs(gap) for gap in gaps)
    return 1e3 * wall / pairs, 1e3 * cpu / pairs, written / 1e3 / pairs


def difference(files: Sequence[Path], gaps: Sequence[int]) -> float:
    """Largest difference, in pixels, between what the plain loop and ours store."""
    from commonfate.storage.flow import open_reader

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plain(files, gaps, folder)
        ours(files, gaps, folder, "zarr")
        reader = open_reader(folder / "flow")
        return max(
            float(np.abs(reader.read("video", gap, t) - flow.transpose(2, 0, 1)).max())
            for gap in gaps
            for t in reader.frames_with_flow("video", gap)
            for flow in [cv2.readOpticalFlow(str(folder / f"{gap}_{t:05d}.flo"))]
        )


def compare(
    files: Sequence[Path], gaps: Sequence[int], threads: int, repeats: int
) -> list[list[str | float]]:
    """Rows of the table: medians over the repeats, and of the ratio within each repeat."""
    context = multiprocessing.get_context("spawn")
    pools = {way: ProcessPoolExecutor(1, mp_context=context) for way in WAYS}
    runs: dict[str, list[tuple[float, float, float]]] = {way: [] for way in WAYS}
    for repeat in range(-1, repeats):
        for way, pool in pools.items():
            few = files if repeat >= 0 else files[:4]
            measured = pool.submit(measure, way, few, gaps, threads).result()
            if repeat >= 0:
                runs[way].append(measured)
    for pool in pools.values():
        pool.shutdown()
    rows = []
    for way, run in runs.items():
        wall, cpu, written = np.median(run, axis=0)
        times = np.median([base[0] / own[0] for base, own in zip(runs[PLAIN], run, strict=True)])
        rows.append([" ".join(map(str, gaps)), way, 1e3 / wall, wall, cpu, written, times])
    return rows


@click.command(help=__doc__)
@click.option("--root", type=click.Path(path_type=Path), default="../shared/data/DAVIS2016")
@click.option("--sequence", default="dog", show_default=True)
@click.option("--frames", default=24, show_default=True, help="Frames of the sequence.")
@click.option("--threads", default=2, show_default=True)
@click.option("--repeats", default=5, show_default=True)
@click.option("--gaps", multiple=True, help="As -1,1; repeatable.  [default: -2,-1,1,2 and -1,1]")
def main(
    root: Path, sequence: str, frames: int, threads: int, repeats: int, gaps: tuple[str, ...]
) -> None:
    files = sorted((root / "JPEGImages" / "480p" / sequence).glob("*.jpg"))[:frames]
    if len(files) < 4:
        raise click.UsageError(f"--root {root}: no frames of {sequence}")
    chosen = [tuple(map(int, text.split(","))) for text in gaps] or GAPS
    rows = [row for one in chosen for row in compare(files, one, threads, repeats)]
    click.echo(
        f"DIS, {len(files)} frames of {sequence}, {threads} threads, medians of {repeats} runs\n"
    )
    headings = ["gaps", "way", "pairs/s", "ms a pair", "CPU ms", "kB a pair", "times plain"]
    click.echo(tabulate(rows, headings, tablefmt="github", floatfmt=("", "", *[".1f"] * 4, ".2f")))
    apart = difference(files[:4], (1,))
    click.echo(
        f"\nLargest difference from the plain loop's flow: {apart:.3f} px "
        "(rounding to 1/32 px makes 0.016; the rest is OpenCV without Intel's primitives)"
    )


if __name__ == "__main__":
    main()
