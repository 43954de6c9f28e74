"""Speed of flow extraction: the verb's loop beside a plain loop over files, in one run.

    python benchmarks/extraction.py --root ../shared/data/DAVIS2016 --threads 2
    python benchmarks/extraction.py --network raft_small --network pwcnet      # also networks

The plain loop is what one writes first: for each gap and each pair, read two images, estimate with
all of OpenCV's threads, write a `.flo` file.
"""

import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import click
import cv2
import numpy as np
from tabulate import tabulate

GAPS = (-1, 1)
SIZE = (480, 854)


def plain(files: Sequence[Path], folder: Path) -> None:
    """Read, estimate, write, a pair at a time."""
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    for gap in GAPS:
        for t in range(max(0, -gap), min(len(files), len(files) - gap)):
            images = (cv2.imread(str(file)) for file in (files[t], files[t + gap]))
            first, second = (cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) for image in images)
            cv2.writeOpticalFlow(str(folder / f"{gap}_{t:05d}.flo"), dis.calc(first, second, None))


def ours(files: Sequence[Path], folder: Path, container: str) -> None:
    """The loop of `commonfate flow`, with the same estimator."""
    from commonfate.config import FlowSource
    from commonfate.flow import providers
    from commonfate.flow.extract import extract
    from commonfate.storage.flow import open_writer
    from commonfate.storage.frames import FrameReader, FrameWriter

    with FrameWriter(folder / "frames.zarr.zip") as frames:
        frames.add_files("video", files, SIZE, fps=24.0)
    provider = providers.create(FlowSource(estimator="dis"), "cpu")
    row = {"id": "video", "status": "ok", "truth": ""}
    reader = FrameReader(folder / "frames.zarr.zip")
    with open_writer(folder / "flow", container, provenance={}, key="") as writer:
        extract([row], reader, provider, GAPS, writer)


def measure(work: Callable[[Path], None]) -> tuple[float, float, int]:
    """Wall and CPU seconds, and bytes written."""
    folder = Path(tempfile.mkdtemp())
    try:
        wall, cpu = time.perf_counter(), time.process_time()
        work(folder)
        spent = time.perf_counter() - wall, time.process_time() - cpu
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    finally:
        shutil.rmtree(folder)
    return *spent, size


def network_seconds(name: str, repeats: int) -> float:
    """Least seconds of one pair of 480p frames, batch 1, random weights, on the CPU."""
    import torch

    from commonfate.config import FlowSource
    from commonfate.flow import estimators

    network = estimators.create(FlowSource(estimator=name, weights="random"))
    images = torch.rand(1, 2, 3, *SIZE)
    seconds = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        network.estimate(images)
        seconds.append(time.perf_counter() - start)
    return min(seconds[1:])


@click.command(help=__doc__)
@click.option("--root", type=click.Path(path_type=Path), default="../shared/data/DAVIS2016")
@click.option("--sequence", default="dog", show_default=True)
@click.option("--frames", default=16, show_default=True, help="Frames of the sequence.")
@click.option("--threads", default=2, show_default=True)
@click.option("--repeats", default=5, show_default=True)
@click.option("--network", "networks", multiple=True, help="Also time this ptlflow model.")
def main(
    root: Path,
    sequence: str,
    frames: int,
    threads: int,
    repeats: int,
    networks: tuple[str, ...],
) -> None:
    import torch

    cv2.setNumThreads(threads)
    torch.set_num_threads(threads)
    files = sorted((root / "JPEGImages" / "480p" / sequence).glob("*.jpg"))[:frames]
    if len(files) < 2:
        raise click.UsageError(f"--root {root}: no frames of {sequence}")
    loops = {
        "plain loop, .flo": lambda folder: plain(files, folder),
        "commonfate, zarr": lambda folder: ours(files, folder, "zarr"),
        "commonfate, tiff": lambda folder: ours(files, folder, "tiff"),
    }
    for work in loops.values():  # imports and caches
        measure(work)
    runs: dict[str, list[tuple[float, float, int]]] = {name: [] for name in loops}
    for _ in range(repeats):  # in turn, so that other load on the machine meets all alike
        for name, work in loops.items():
            runs[name].append(measure(work))
    pairs = sum(len(files) - abs(gap) for gap in GAPS)
    # The least of several runs is what a run takes when nothing else is at work.
    best = {name: np.min(run, axis=0) for name, run in runs.items()}
    base = best["plain loop, .flo"]
    lines = [
        [
            name,
            pairs / wall,
            1e3 * wall / pairs,
            1e3 * cpu / pairs,
            size / pairs / 1e3,
            base[0] / wall,
        ]
        for name, (wall, cpu, size) in best.items()
    ]
    click.echo(f"{pairs} pairs of {sequence}, {threads} threads, best of {repeats} runs")
    headings = ["loop", "pairs/s", "ms a pair", "CPU ms a pair", "kB a pair", "times plain"]
    click.echo(tabulate(lines, headings, floatfmt=".1f"))
    for name in networks:
        click.echo(f"{name}: {1e3 * network_seconds(name, repeats):.0f} ms a pair, batch 1")


if __name__ == "__main__":
    main()
