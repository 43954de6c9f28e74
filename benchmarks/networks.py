"""Speed of flow networks: four gaps a frame, beside ptlflow's own inference, in one run.

    python benchmarks/networks.py                       # raft_small and pwcnet, on the CPU
    python benchmarks/networks.py --device cuda --network raft --weights things \
        --iterations 20 --frames 70 --settings          # and every setting

ptlflow infers as its scripts do: a pair at a time, through its `IOAdapter` and the model's forward
pass. Ours encodes every frame once and estimates pairs in batches. Both start from frames in the
CPU's memory and end with float32 flow in it. `--settings` adds a table of precision, memory layout
and compilation, with what they change in the flow against float32. Random weights do for speed;
for errors take trained ones. Frames come from $COMMONFATE_DAVIS_DIR, else ../shared.
"""

import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
import torch
from tabulate import tabulate

from commonfate.flow.estimators import registry as estimators
from commonfate.flow.estimators.base import FlowEstimator
from commonfate.flow.settings import FlowSource

SHARED = Path(__file__).parents[2] / "shared" / "data" / "DAVIS2016"
GAPS = (-2, -1, 1, 2)
SETTINGS: dict[str, dict[str, Any]] = {
    "float32": {},
    "channels_last": {"channels_last": True},
    "bfloat16": {"precision": "bfloat16"},
    "float16": {"precision": "float16"},
    "bfloat16, channels_last": {"precision": "bfloat16", "channels_last": True},
    "float16, channels_last": {"precision": "float16", "channels_last": True},
    "compile": {"compile": True},
    "float16, channels_last, compile": {
        "precision": "float16",
        "channels_last": True,
        "compile": True,
    },
}
Pair = tuple[int, int]
Flows = dict[Pair, np.ndarray]


def read_frames(sequence: str, count: int, size: tuple[int, int]) -> list[np.ndarray]:
    """The first frames of a sequence, (H, W, 3) uint8 RGB, of this size."""
    root = Path(os.environ.get("COMMONFATE_DAVIS_DIR", SHARED))
    files = sorted((root / "JPEGImages" / "480p" / sequence).glob("*.jpg"))[:count]
    if len(files) < count:
        raise click.UsageError(f"{root}: {len(files)} frames of {sequence}, fewer than {count}")
    images = (cv2.cvtColor(cv2.imread(str(file)), cv2.COLOR_BGR2RGB) for file in files)
    return [cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA) for image in images]


def pairs_of(count: int) -> list[Pair]:
    """Frames t and t + gap, in the order in which the later one comes."""
    pairs = [(t, t + gap) for t in range(count) for gap in GAPS if 0 <= t + gap < count]
    return sorted(pairs, key=max)


@torch.inference_mode()
def of_ptlflow(model: torch.nn.Module, frames: Sequence[np.ndarray], device: str) -> Flows:
    """Every pair from its two images."""
    from ptlflow.utils.io_adapter import IOAdapter

    adapter = IOAdapter(model.output_stride, frames[0].shape[:2], cuda=device != "cpu")
    flows = {}
    for first, second in pairs_of(len(frames)):
        images = [cv2.cvtColor(frames[t], cv2.COLOR_RGB2BGR) for t in (first, second)]
        inputs = adapter.prepare_inputs(images)
        outputs = adapter.unscale(model(inputs))
        flows[first, second] = outputs["flows"][0, 0].cpu().numpy()
    return flows


def of_ours(
    estimator: FlowEstimator, frames: Sequence[np.ndarray], batch: int, ahead: int = 8
) -> Flows:
    """Every frame once, some ahead; pairs in batches."""
    encoded: list[Any] = []
    waiting: list[Pair] = []
    flows: Flows = {}
    coming = pairs_of(len(frames))
    for start in range(0, len(frames), ahead):
        encoded += estimator.encode(frames[start : start + ahead])
        for gone in range(max(0, start - max(GAPS) - ahead)):
            encoded[gone] = None
        ready = [pair for pair in coming if max(pair) < len(encoded)]
        coming = coming[len(ready) :]
        waiting += ready
        while len(waiting) >= batch or (waiting and not coming):
            now, waiting = waiting[:batch], waiting[batch:]
            estimated = estimator.estimate_pairs([(encoded[a], encoded[b]) for a, b in now])
            flows |= zip(now, torch.as_tensor(estimated).cpu().numpy(), strict=True)
    return flows


@contextmanager
def utilisation(device: str) -> Iterator[list[float]]:
    """Collect the GPU's utilisation in percent, five times a second."""
    samples: list[float] = []
    if device == "cpu":
        yield samples
        return
    query = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
    index = str(torch.device(device).index or 0)
    watcher = subprocess.Popen(
        [*query, "-i", index, "-lms", "200"], stdout=subprocess.PIPE, text=True
    )
    try:
        yield samples
    finally:
        watcher.terminate()
        text, _ = watcher.communicate()
        samples += [float(line) for line in text.split("\n") if line.strip().isdigit()]


def measure(work: Callable[[], Flows], device: str) -> tuple[float, float, float, Flows]:
    """Seconds, peak MB of the GPU (what is loaded included), its mean utilisation, the flows."""
    if device != "cpu":
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
    with utilisation(device) as samples:
        start = time.perf_counter()
        flows = work()
        seconds = time.perf_counter() - start
    peak = torch.cuda.max_memory_allocated(device) / 1e6 if device != "cpu" else float("nan")
    return seconds, peak, statistics.fmean(samples or [float("nan")]), flows


def differences(flows: Flows, expected: Flows) -> np.ndarray:
    """Lengths of the differences of all vectors, in pixels."""
    return np.stack([np.hypot(*(flows[pair] - expected[pair])).ravel() for pair in expected])


def best(runs: Sequence[tuple[float, float, float, Flows]]) -> tuple[float, float, float, Flows]:
    return min(runs, key=lambda run: run[0])


def show(rows: Sequence[Sequence[Any]], headings: Sequence[str], device: str, gpu: int) -> None:
    """A Markdown table; the last `gpu` columns only where there is one."""
    keep = len(headings) - (gpu if device == "cpu" else 0)
    table = [row[:keep] for row in rows]
    click.echo("\n" + tabulate(table, headings[:keep], tablefmt="pipe", floatfmt=".4g") + "\n")


@click.command(help=__doc__)
@click.option("--device", default="cpu", show_default=True)
@click.option("--network", "networks", multiple=True, default=("raft_small", "pwcnet"))
@click.option("--weights", default="random", show_default=True)
@click.option("--iterations", type=int, help="Updates of recurrent networks; the model's own.")
@click.option("--sequence", default="dog", show_default=True)
@click.option("--size", nargs=2, type=int, default=(480, 854), show_default=True)
@click.option("--frames", "count", default=6, show_default=True)
@click.option("--threads", default=2, show_default=True, help="CPU threads of torch.")
@click.option("--repeats", default=2, show_default=True, help="The fastest of so many is shown.")
@click.option(
    "--settings", is_flag=True, help="Also each setting, where the device is made for it."
)
def main(
    device: str,
    networks: tuple[str, ...],
    weights: str,
    iterations: int | None,
    sequence: str,
    size: tuple[int, int],
    count: int,
    threads: int,
    repeats: int,
    settings: bool,
) -> None:
    torch.set_num_threads(threads)
    frames = read_frames(sequence, count, size)
    pairs = len(pairs_of(count))
    machine = f"{threads} threads of {platform.processor() or platform.machine()}"
    if device != "cpu":
        machine = torch.cuda.get_device_name(device)
    click.echo(
        f"{pairs} pairs of {count} frames {size[0]}x{size[1]} of {sequence}, gaps {GAPS}; "
        f"{machine}, torch {torch.__version__}"
    )
    rows, details = [], []
    for name in networks:
        recurrent = iterations if "raft" in name else None
        source = FlowSource(estimator=name, weights=weights, iterations=recurrent)
        ours = estimators.create(source, device)
        batch = ours.suitable_batch(*size)
        loops = {
            "ptlflow": lambda ours=ours: of_ptlflow(ours.model, frames, device),
            "ours": lambda ours=ours, batch=batch: of_ours(ours, frames, batch),
        }
        for loop in loops.values():  # what is done once
            loop()
        runs: dict[str, list[Any]] = {loop: [] for loop in loops}
        for _ in range(repeats):  # in turn, so that other load on the machine meets both
            for loop, work in loops.items():
                runs[loop].append(measure(work, device))
        theirs, own = best(runs["ptlflow"]), best(runs["ours"])
        error = differences(own[3], theirs[3])
        speeds = (pairs / theirs[0], pairs / own[0])
        numbers = (*speeds, speeds[1] / speeds[0], error.max(), batch)
        rows.append([ours.description, *numbers, theirs[1], own[1], theirs[2], own[2]])
        if settings:
            details += [
                [name, *row]
                for row in of_settings(source, device, frames, batch, repeats, theirs[0], own[3])
            ]
    headings = ["network", "ptlflow pairs/s", "ours", "times", "largest difference px", "batch"]
    gpu = ["ptlflow MB", "ours MB", "ptlflow GPU %", "ours GPU %"]
    show(rows, [*headings, *gpu], device, len(gpu))
    if details:
        headings = ["network", "setting", "pairs/s", "times ptlflow", "mean error px", "99 %"]
        headings += ["largest", "s at the start", "MB", "GPU %"]
        show(details, headings, device, 2)


def of_settings(
    source: FlowSource,
    device: str,
    frames: Sequence[np.ndarray],
    batch: int,
    repeats: int,
    seconds_of_ptlflow: float,
    expected: Flows,
) -> Iterator[list[Any]]:
    """Rows of the second table for one network; errors are against `expected`."""
    for name, changes in SETTINGS.items():
        if device == "cpu" and changes.get("precision") == "float16":
            continue  # a hundred times slower
        network = estimators.create(source.model_copy(update=changes), device)
        start = time.perf_counter()
        of_ours(network, frames, batch)
        start = time.perf_counter() - start
        work = [
            measure(lambda network=network: of_ours(network, frames, batch), device)
            for _ in range(repeats)
        ]
        seconds, peak, busy, flows = best(work)
        error = differences(flows, expected)
        spread = (error.mean(), np.percentile(error, 99), error.max())
        speed = len(expected) / seconds
        yield [
            name,
            speed,
            seconds_of_ptlflow / seconds,
            *spread,
            max(0.0, start - seconds),
            peak,
            busy,
        ]


if __name__ == "__main__":
    main()
