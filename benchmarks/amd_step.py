"""A whole training step of AMD beside the same step written straight down.

    python benchmarks/amd_step.py                    # the paper's networks, 2 pairs of 192x192
    python benchmarks/amd_step.py --crop 384 384     # the paper's crops
    python benchmarks/amd_step.py --small            # seconds: tells that it works, not how fast

Both ways train the same network, with the same weights, on the same pairs. The plain way is what
one would write from the paper: correlation by a loop over the 81 displacements, one shifted product
each; each frame's pyramid once for each direction, four times a pair; each direction decoded on its
own, with a warp a call and a loop over the segments; masks resized again wherever they are used.
The project's way is `AmdNetwork` and its loss: both frames in one batch, encoded once, both
directions decoded at once, the appearance pathway's memory laid out by `build`.

Batch norm has its kept statistics, for both: in training those of the batch would differ, since the
plain way gives it each frame alone.

Each way has a process of its own. Times are medians of wall time, and of each part's forward and
backward pass together; memory is the peak of the process (Linux: VmHWM) less what it held with the
weights alone, or the GPU's.
"""

import ctypes
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import click
import torch
from own_process import in_process, memory_mb
from tabulate import tabulate
from torch import Tensor
from torch.nn import functional

from commonfate.methods import create_trained
from commonfate.methods.amd.loss import LOSSES
from commonfate.methods.amd.network import AmdNetwork
from commonfate.methods.amd.settings import AmdSettings
from commonfate.models.pwc.layers import SLOPE
from commonfate.models.pwc.lite import RADIUS, enlarge
from commonfate.models.pwc.segment_flow import FINEST, MotionPathway, SegmentFlow
from commonfate.models.pwc.warp import warp

PLAIN, OURS = "plain", "commonfate"
PARTS = ("appearance", "motion", "loss", "update")
WARM = 1


def plain_correlation(first: Tensor, second: Tensor) -> Tensor:
    """One shifted product a displacement."""
    height, width = first.shape[-2:]
    around = functional.pad(second, [RADIUS] * 4)
    scores = []
    for dy in range(2 * RADIUS + 1):
        for dx in range(2 * RADIUS + 1):
            shifted = around[:, :, dy : dy + height, dx : dx + width]
            scores.append((first * shifted).mean(1, keepdim=True))
    return torch.cat(scores, 1)


def plain_masks(masks: Tensor, size: tuple[int, int]) -> Tensor:
    return functional.interpolate(masks, size, mode="bilinear", align_corners=True)


def plain_segment_flow(
    motion: MotionPathway, first: Tensor, second: Tensor, masks: Tensor
) -> SegmentFlow:
    """Eq. 2-5 of one direction, a segment after the other."""
    levels, others = motion.encode(first), motion.encode(second)
    count = masks.shape[1]
    vectors = [torch.zeros(len(masks), 2, device=masks.device) for _ in range(count)]
    flow = torch.zeros(len(masks), 2, *levels[0].shape[-2:], device=masks.device)
    flows = []
    for scale, (here, there) in enumerate(zip(levels, others, strict=True)):
        size = (here.shape[-2], here.shape[-1])
        if scale:
            flow, vectors = enlarge(flow, 2), [2 * vector for vector in vectors]
            there = warp(there, flow)
        alike = functional.leaky_relu(plain_correlation(here, there), SLOPE)
        evidence = torch.cat([alike, motion.conv_1x1[scale](here), flow], 1)
        features = motion.flow_estimators(evidence)
        for k in range(count):
            mask = plain_masks(masks, size)[:, k : k + 1]
            pooled = (features * mask).sum((2, 3), keepdim=True) / mask.sum((2, 3), keepdim=True)
            vectors[k] = vectors[k] + motion.flow_estimators.read(pooled)[..., 0, 0]
        flow = torch.zeros_like(flow)
        for k in range(count):
            flow = flow + vectors[k][..., None, None] * plain_masks(masks, size)[:, k : k + 1]
        flows.append(enlarge(flow, FINEST))
    return SegmentFlow(flows[::-1], FINEST * torch.stack(vectors, 1))


class Trial:
    """A way of training, in a process of its own."""

    def __init__(self, task: dict) -> None:
        torch.manual_seed(0)
        self.way, self.device = task["way"], torch.device(task["device"])
        self.settings = AmdSettings(**task["settings"])
        self.loss = LOSSES[self.settings.variant]
        shape = (2, self.settings.batch_size, 3, *self.settings.crop)
        coarse = torch.rand(self.settings.batch_size, 3, 24, 24)
        smooth = functional.interpolate(coarse, shape[-2:], mode="bicubic").clamp(0, 1)
        noise = 0.05 * torch.rand(shape)
        frames = torch.stack([smooth, smooth.roll((2, 3), (2, 3))]) + noise
        self.frames = frames.clamp(0, 1).to(self.device)
        torch.manual_seed(1)
        self.network: AmdNetwork = create_trained(self.settings).build().to(self.device).eval()
        if self.way == PLAIN:
            self.network.to(memory_format=torch.contiguous_format)

    def loss_of_batch(self, tick: Callable[[str], None]) -> Tensor:
        """The loss; `tick` is told, forward and later backward, when a part is done."""
        hook = self.network.appearance.register_forward_hook(
            lambda _module, _inputs, logits: self._between("appearance", logits, tick)
        )
        first, second = self.frames
        pairs = self._plain if self.way == PLAIN else self._ours
        flows = pairs(first, second)
        hook.remove()
        for flow in flows:
            self._between("motion", flow.flows[0], tick)
        loss = self.loss(first, second, *flows)
        tick("loss")
        self._going_back = "loss"
        return loss

    def _between(self, part: str, value: Tensor, tick: Callable[[str], None]) -> None:
        """Tell that `part` is done, whose result is `value`, and, once autograd is back there, that
        what followed it is: what was done last comes first, so that parts do not overlap."""
        tick(part)

        def back(_gradient: Tensor) -> None:
            tick(self._going_back)
            self._going_back = part

        value.register_hook(back)

    def _plain(self, first: Tensor, second: Tensor) -> tuple[SegmentFlow, SegmentFlow]:
        # Eq. 6: the segments are those of the frame that is warped.
        here, there = (self.network.appearance(image).softmax(1) for image in (first, second))
        forward = plain_segment_flow(self.network.motion, first, second, there)
        return forward, plain_segment_flow(self.network.motion, second, first, here)

    def _ours(self, first: Tensor, second: Tensor) -> tuple[SegmentFlow, SegmentFlow]:
        pairs = self.network(first, second, None, self.settings.masks_of)
        return pairs.forward, pairs.backward

    def measure(self, steps: int) -> dict[str, float]:
        """Median milliseconds of a step and of its parts, and the peak of its memory in MB."""
        optimiser = create_trained(self.settings).optimiser(self.network)
        times: dict[str, list[float]] = {part: [] for part in PARTS}
        for step in range(WARM + steps):
            spent = dict.fromkeys(PARTS, 0.0)
            last = self._now()

            def tick(part: str, spent: dict[str, float] = spent) -> None:
                nonlocal last
                now = self._now()
                spent[part] += now - last
                last = now

            optimiser.zero_grad()
            self.loss_of_batch(tick).backward()
            tick("appearance")
            optimiser.step()
            tick("update")
            if step >= WARM:
                for part in PARTS:
                    times[part].append(1e3 * spent[part])
        whole = [sum(parts) for parts in zip(*times.values(), strict=True)]
        medians = {part: statistics.median(values) for part, values in times.items()}
        return medians | {"step": statistics.median(whole)}

    def gradient(self) -> tuple[Tensor, Tensor]:
        """Loss of the batch, and its gradient for all weights."""
        loss = self.loss_of_batch(lambda _part: None)
        loss.backward()
        gradients = [p.grad.flatten() for p in self.network.parameters() if p.grad is not None]
        return loss.detach(), torch.cat(gradients)

    def _now(self) -> float:
        """The time at which the device has done all."""
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()


def measured(task: dict) -> dict[str, float]:
    """Measure one way in this process."""
    torch.set_num_threads(task["threads"])
    cuda = task["device"] == "cuda"
    trial = Trial(task)
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # resets the peak
    before = memory_mb("VmRSS")
    times = trial.measure(task["steps"])
    peak = torch.cuda.max_memory_allocated() / 2**20 if cuda else memory_mb("VmHWM") - before
    return times | {"peak_mb": peak}


def differences(task: dict) -> tuple[float, float]:
    """Difference of the ways' losses, and of their gradients' norm, as shares of them."""
    (plain, expected), (ours, result) = (Trial(task | {"way": w}).gradient() for w in (PLAIN, OURS))
    loss = float((ours - plain).abs() / plain)
    apart = float((result - expected).norm() / expected.norm())
    if loss > 1e-4 or apart > 1e-2:
        raise RuntimeError(f"the two ways do not compute the same: {loss:.1e}, {apart:.1e}")
    return loss, apart


def described(task: dict) -> str:
    """What is measured, and on what machine."""
    settings, machine = AmdSettings(**task["settings"]), platform.processor() or platform.machine()
    if task["device"] == "cuda":
        machine = torch.cuda.get_device_name()
    return (
        f"{settings.batch_size} pairs of {'x'.join(map(str, settings.crop))}, c = "
        f"{settings.segments}, size {settings.size}, loss {settings.variant}; float32; "
        f"{task['threads']} threads, {machine}, torch {torch.__version__}; medians of "
        f"{task['steps']} steps"
    )


def table(runs: dict[str, dict[str, float]]) -> str:
    """Markdown, a row for each way."""
    headings = ["way", "s a step", "times", *(f"{part} %" for part in PARTS)]
    headings += ["peak MB", "times less"]
    rows, plain = [], runs[PLAIN]
    for way, run in runs.items():
        shares = [f"{100 * run[part] / run['step']:.0f}" for part in PARTS]
        row = [way, f"{run['step'] / 1e3:.2f}", f"{plain['step'] / run['step']:.2f}", *shares]
        rows.append([*row, f"{run['peak_mb']:.0f}", f"{plain['peak_mb'] / run['peak_mb']:.2f}"])
    align = ("left", *["right"] * (len(headings) - 1))
    return tabulate(rows, headings, "pipe", colalign=align, disable_numparse=True)


@click.command(help=__doc__)
@click.option("--small", is_flag=True, help="A small network and one pair of 64x64.")
@click.option("--pairs", default=2, show_default=True, help="A batch.")
@click.option("--crop", type=(int, int), default=(192, 192), show_default=True)
@click.option(
    "--variant", type=click.Choice(sorted(LOSSES)), default="paper", show_default=True, help="Loss."
)
@click.option("--steps", default=3, show_default=True, help="Timed steps, after one to warm up.")
@click.option("--threads", default=os.cpu_count(), show_default=True, help="Of torch.")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@click.option("--task", hidden=True)
def main(
    small: bool,
    pairs: int,
    crop: tuple[int, int],
    variant: str,
    steps: int,
    threads: int,
    device: str,
    task: str | None,
) -> None:
    if task is not None:
        click.echo(json.dumps(measured(json.loads(task))))
        return
    settings = {
        "variant": variant,
        "batch_size": pairs,
        "crop": crop,
        "short_side": max(400, *crop),
    }
    if small:
        settings |= {"size": "small", "batch_size": 1, "crop": (64, 64)}
    common = {"settings": settings, "steps": steps, "threads": threads, "device": device}
    torch.set_num_threads(threads)
    loss_apart, gradient_apart = differences(common)
    runs = {way: in_process(__file__, common | {"way": way}) for way in (PLAIN, OURS)}
    click.echo(f"{described(common)}\n")
    click.echo(table(runs))
    click.echo(
        f"\nThe same pairs and weights: the ways differ by {loss_apart:.1e} of the loss and by "
        f"{gradient_apart:.1e} of the gradient's norm."
    )


if __name__ == "__main__":
    main()
