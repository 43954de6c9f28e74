"""A whole training step of Guess What Moves beside the same step with a plain least-squares loss.

    python benchmarks/gwm_step.py --index results/samples/davis2016-val-dis/index.parquet
    python benchmarks/gwm_step.py            # frames and flow made up in a temporary folder
    python benchmarks/gwm_step.py --small    # seconds: tells that it works, not how fast

Both ways read the same samples with the project's loader and train the same U-Net. The plain way
writes the paper down: probabilities upsampled to the flow's size, for every mask a QR factorisation
of its weighted (pixels x 6) design (Eq. 2-4), and autograd through all of it. The project's way is
`paper_loss_pulled_back`; and the same with the network in 16 bits (`precision: bf16-mixed`),
which saves time where the processor calculates in bfloat16 itself.

Each way and number of loader processes has a process of its own. Times are medians of wall time;
memory is the peak of the process (Linux: VmHWM, which ru_maxrss reports) less what it held before
the network was built, or the GPU's. The gradient is taken in two halves, at the logits, so that
loss and network can be timed apart; it is the same.
"""

import ctypes
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import click
import numpy as np
import pandas as pd
import torch
from own_process import in_process, memory_mb
from tabulate import tabulate
from torch import Tensor, nn

from commonfate.base import parquet
from commonfate.flow.resize import resize
from commonfate.methods.gwm.method import UNetMethod
from commonfate.methods.gwm.settings import GwmSettings
from commonfate.models.frame import resize_frame, to_image
from commonfate.samples import index as sample_index
from commonfate.samples.example import Example
from commonfate.samples.reader import SampleDataset
from commonfate.samples.sampler import Batches
from commonfate.storage.flow import open_writer
from commonfate.storage.flow_info import sources
from commonfate.storage.frames import FrameWriter
from commonfate.training.data import Batch, load

PARTS = ("loading", "network", "loss")
PLAIN, OURS, NARROW = "plain QR", "commonfate", "commonfate, bf16-mixed"
GAPS = (-1, 1)
WARM = 1
FULL = {"batch_size": 8, "width": 64, "image_size": (128, 224), "flow_size": (480, 854)}
SMALL = {"batch_size": 2, "width": 8, "image_size": (64, 112), "flow_size": (120, 214)}


class Plain(UNetMethod):
    """The same network and samples, with the loss as one would write it from the paper."""

    def prepare(self, example: Example) -> dict[str, Tensor]:
        """Image and flow at the sizes of supplement A; nothing is flipped here."""
        target = resize(example.flow, self.settings.flow_size, "nearest")
        return {
            "image": to_image(resize_frame(example.frame, self.settings.image_size)),
            "flow": torch.from_numpy(np.ascontiguousarray(target)),
        }

    def loss(self, model: nn.Module, batch: Batch, iteration: int) -> dict[str, Tensor]:
        """Eq. 4, mean over pixels and batch, times the multiplier."""
        flow = batch["flow"]
        size = (flow.shape[-2], flow.shape[-1])
        valid = flow.isfinite().all(1).flatten(1)  # (B, HW)
        masks = nn.functional.interpolate(model(batch["image"]).softmax(1), size, mode="bilinear")
        masks = (masks.flatten(2) * valid[:, None])[..., None]  # (B, K, HW, 1)
        targets = torch.nan_to_num(flow, 0, 0, 0).flatten(2).mT[:, None]  # (B, 1, HW, 2)
        axes = (torch.linspace(-1, 1, side, device=flow.device) for side in size)
        y, x = torch.meshgrid(*axes, indexing="ij")
        design = torch.stack([torch.ones_like(x), x, x * x, y, y * y, x * y], -1).flatten(0, 1)
        weights = masks.sqrt()
        q, r = torch.linalg.qr(weights * design)
        theta = torch.linalg.solve_triangular(r, q.mT @ (weights * targets), upper=True)
        energy = (masks * (targets - design @ theta).square()).sum((1, 2, 3))
        return {"loss": self.settings.loss_multiplier * (energy / valid.sum(1)).mean()}


WAYS = {PLAIN: Plain, OURS: UNetMethod, NARROW: UNetMethod}
EQUAL = (PLAIN, OURS)
"""Ways whose loss is the same to rounding."""


def made_up(folder: Path, size: tuple[int, int], videos: int = 4, frames: int = 6) -> Path:
    """An index of samples whose frames and flow are smooth noise; the flow has a moving patch."""
    generator = np.random.default_rng(0)
    rows, stores = [], [str(folder / name) for name in ("frames.zarr.zip", "flow.zarr.zip")]
    with (
        FrameWriter(folder / "frames.zarr.zip") as frame_writer,
        open_writer(folder / "flow.zarr.zip", "zarr", provenance={}, key="") as flow_writer,
    ):
        for number in range(videos):
            name = f"video{number}"
            pictures = [_smooth(generator, 3, size, 127) + 128 for _ in range(frames)]
            images = [picture.transpose(1, 2, 0).astype(np.uint8) for picture in pictures]
            frame_writer.add_video(name, images, [t / 10 for t in range(frames)], 10.0)
            for gap in GAPS:
                flows = ((t, _flow(generator, size)) for t in sources(frames, gap))
                flow_writer.add(name, gap, frames, size, flows)
            gaps = {t: [gap for gap in GAPS if t in sources(frames, gap)] for t in range(frames)}
            rows += [("made_up", name, t, gaps[t], *stores, 0, "", "", "flow") for t in gaps]
    table = pd.DataFrame(rows, columns=list(sample_index.COLUMNS))
    parquet.write(folder / "index.parquet", table, {})
    return folder / "index.parquet"


def _smooth(
    generator: np.random.Generator, channels: int, size: tuple[int, int], largest: float
) -> np.ndarray:
    coarse = torch.from_numpy(generator.uniform(-largest, largest, (1, channels, 5, 7)))
    return nn.functional.interpolate(coarse, size, mode="bilinear")[0].float().numpy()


def _flow(generator: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    flow = _smooth(generator, 2, size, 4)
    top, left = (int(generator.integers(side // 2)) for side in size)
    flow[:, top : top + size[0] // 3, left : left + size[1] // 3] += 6
    return flow + generator.normal(0, 0.1, flow.shape).astype(np.float32)


class Trial:
    """A way of training, in a process of its own."""

    def __init__(self, way: str, settings: GwmSettings, index: Path, device: str) -> None:
        torch.manual_seed(0)
        self.method = WAYS[way](settings)
        self._narrow = way == NARROW
        self.samples = sample_index.read(index).samples
        self.device = torch.device(device)

    def batches(self, count: int, workers: int) -> Iterator[Batch]:
        """The first batches, the same for both ways."""
        plan = Batches(self.samples, 0, self.method.settings.batch_size, False, 0, count)
        # What the loader wants of Lightning Fabric.
        fabric = SimpleNamespace(device=self.device, to_device=self._moved)
        yield from load(SampleDataset(self.samples, self.method), plan, fabric, workers)

    def loss_of(self, logits: Tensor, batch: Batch) -> Tensor:
        """The loss of logits, which the method takes for its network's output."""
        return self.method.loss(lambda _image: logits, batch, 0)["loss"]

    def measure(self, steps: int, workers: int) -> dict[str, float]:
        """Median milliseconds of a step and of its parts, and the peak of its memory in MB."""
        ctypes.CDLL("libc.so.6").malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # resets the peak
        before = memory_mb("VmRSS")
        network = self.method.build().to(self.device).train()
        optimiser = self.method.optimiser(network)
        times: dict[str, list[float]] = {part: [] for part in PARTS}
        coming = self.batches(WARM + steps, workers)
        for step in range(WARM + steps):
            self._tick()
            batch = next(coming)
            spent = {"loading": self._tick()}
            optimiser.zero_grad()
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self._narrow):
                logits = network(batch["image"]).float()
            spent["network"] = self._tick()
            leaf = logits.detach().requires_grad_()
            self.loss_of(leaf, batch).backward()
            spent["loss"] = self._tick()
            logits.backward(leaf.grad)
            nn.utils.clip_grad_norm_(network.parameters(), self.method.settings.clip_norm)
            optimiser.step()
            spent["network"] += self._tick()
            if step >= WARM:
                for part in PARTS:
                    times[part].append(1e3 * spent[part])
        whole = [sum(parts) for parts in zip(*times.values(), strict=True)]
        cuda = self.device.type == "cuda"
        return {
            **{part: statistics.median(values) for part, values in times.items()},
            "step": statistics.median(whole),
            "peak_mb": torch.cuda.max_memory_allocated() / 2**20
            if cuda
            else memory_mb("VmHWM") - before,
        }

    def gradient(self) -> tuple[Tensor, Tensor]:
        """Loss of the first batch for logits drawn at random, and its gradient."""
        batch = next(self.batches(1, workers=0))
        settings, generator = self.method.settings, torch.Generator().manual_seed(0)
        coarse = torch.randn(settings.batch_size, settings.components, 8, 14, generator=generator)
        logits = nn.functional.interpolate(2 * coarse, settings.image_size, mode="bicubic")
        logits = logits.to(self.device).requires_grad_()
        loss = self.loss_of(logits, batch)
        loss.backward()
        return loss.detach(), logits.grad

    def _moved(self, batch: Batch) -> Batch:
        return {name: values.to(self.device) for name, values in batch.items()}

    def _tick(self) -> float:
        """Seconds since the last tick, once the device has done all."""
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        now = time.perf_counter()
        spent, self._last = now - getattr(self, "_last", now), now
        return spent


def trial(task: dict) -> Trial:
    """What a task asks for, in this process."""
    torch.set_num_threads(task["threads"])
    return Trial(task["way"], GwmSettings(**task["settings"]), Path(task["index"]), task["device"])


def differences(task: dict) -> tuple[float, float]:
    """Largest difference of loss and gradient between the ways, relative to the largest value."""
    (plain, expected), (ours, gradient) = (trial(task | {"way": way}).gradient() for way in EQUAL)
    loss = float((ours - plain).abs() / plain)
    apart = float((gradient - expected).abs().max() / expected.abs().max())
    if max(loss, apart) > 1e-3:
        raise RuntimeError(f"the two ways do not compute the same: {loss:.1e}, {apart:.1e}")
    return loss, apart


def described(task: dict) -> str:
    """What is measured, and on what machine."""
    settings, machine = task["settings"], platform.processor() or platform.machine()
    if task["device"] == "cuda":
        machine = torch.cuda.get_device_name()
    image, flow = ("x".join(map(str, settings[key])) for key in ("image_size", "flow_size"))
    return (
        f"B = {settings['batch_size']}, K = 4, quadratic; U-Net of width {settings['width']}, "
        f"images {image}, flow {flow}; {task['threads']} threads, {machine}, "
        f"torch {torch.__version__}"
    )


def table(runs: dict[tuple[str, int], dict[str, float]]) -> str:
    """Markdown, a row for each way and number of loader processes."""
    headings = ["way", "loader processes", "steps/s", "times", "ms a step"]
    headings += [f"{part} ms" for part in PARTS] + [f"{part} %" for part in PARTS]
    headings += ["peak MB", "times less"]
    rows = []
    for (way, count), run in runs.items():
        plain = runs[PLAIN, count]
        shares = [100 * run[part] / run["step"] for part in PARTS]
        times = [run["step"], *(run[part] for part in PARTS)]
        row = [way, count, f"{1e3 / run['step']:.3g}", f"{plain['step'] / run['step']:.2f}"]
        row += [f"{value:.0f}" for value in (*times, *shares, run["peak_mb"])]
        rows.append([*row, f"{plain['peak_mb'] / run['peak_mb']:.1f}"])
    align = ("left", *["right"] * (len(headings) - 1))
    return tabulate(rows, headings, "pipe", colalign=align, disable_numparse=True)


@click.command(help=__doc__)
@click.option("--index", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--small", is_flag=True, help="A small network on small images.")
@click.option("--steps", default=5, show_default=True, help="Timed steps, after one to warm up.")
@click.option(
    "--workers", multiple=True, type=int, help="Repeatable.  [default: 0 and 1; 0 if --small]"
)
@click.option("--threads", default=os.cpu_count(), show_default=True, help="Of torch.")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@click.option("--task", hidden=True)
def main(
    index: Path | None,
    small: bool,
    steps: int,
    workers: tuple[int, ...],
    threads: int,
    device: str,
    task: str | None,
) -> None:
    if task is not None:
        requested = json.loads(task)
        measured = trial(requested).measure(requested["steps"], requested["workers"])
        click.echo(json.dumps(measured))
        return
    settings = SMALL if small else FULL
    with tempfile.TemporaryDirectory() as folder:
        path = index or made_up(Path(folder), settings["flow_size"])
        common = {"index": str(path), "settings": settings, "threads": threads, "device": device}
        loss_apart, gradient_apart = differences(common)
        runs = {
            (way, count): in_process(
                __file__, common | {"way": way, "steps": steps, "workers": count}
            )
            for count in workers or ((0,) if small else (0, 1))
            for way in WAYS
        }
    click.echo(f"{described(common)}; samples: {index or 'made up'}; medians of {steps} steps\n")
    click.echo(table(runs))
    click.echo(
        f"\nThe same batch and logits: the ways differ by {loss_apart:.1e} of the loss and by "
        f"{gradient_apart:.1e} of its largest gradient."
    )


if __name__ == "__main__":
    main()
