"""Time and memory of FlowDINO's flow loss, against windows copied out by `F.unfold`.

    python benchmarks/flowdino_loss.py
    python benchmarks/flowdino_loss.py --batch 2 --repeats 1 --size 3     # seconds

Forward plus backward, from features (B, h, w, 384) to their gradient, as the paper has the loss:
windows of 3 and 5 cells at stride 2. The baseline writes the equations down with every window
copied: (B, C K^2, L) of features. First the two are compared on two frames: the loss must not
differ by more than 1e-6 of its value, nor its gradient by more than 1e-6. Then each case runs in
its own process, after a call that warms up, on one thread: time is CPU time, so that other load on
the machine matters little; memory is the peak of a call less what the process held before it. Linux
only (/proc).
"""

import ctypes
import json
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

from commonfate.methods.flowdino.flow import stabilised
from commonfate.methods.flowdino.loss import flow_loss
from commonfate.methods.flowdino.settings import FlowLossSettings

CHANNELS, PATCH = 384, 16
SIDES = (14, 28)
TOLERANCE = 1e-6


def unfolded_loss(
    features: Tensor, salience: Tensor, flow: Tensor, settings: FlowLossSettings
) -> Tensor:
    """Eq. 2 to 8 with all windows copied out; arguments as those of `flow_loss`."""
    size, stride, places = settings.window, settings.stride, settings.window**2

    def windows(maps: Tensor) -> Tensor:
        return functional.unfold(maps, size, stride=stride).unflatten(1, (-1, places))

    resized = functional.interpolate(flow, features.shape[1:3], mode="bicubic")
    salient = windows(salience[:, None]).argmax(2, keepdim=True)  # (B, 1, 1, L)
    of_place = windows(functional.normalize(features.movedim(-1, 1), dim=1))  # (B, C, K^2, L)
    moving = windows(resized)  # (B, 2, K^2, L)
    z_features = (of_place * of_place.take_along_dim(salient, 2)).sum(1)
    cosine = functional.cosine_similarity(moving, moving.take_along_dim(salient, 2), dim=1)
    z_flow = moving.norm(dim=1) * ((cosine.clamp(0, 1) - 1) / settings.sigma).exp()
    log_p = (z_flow / settings.temperature).log_softmax(1)
    log_q = (z_features / settings.temperature).log_softmax(1)
    losses = functional.kl_div(log_q, log_p, reduction="none", log_target=True).sum(1)
    norms = moving.flatten(1, 2).norm(dim=1)
    return (norms / norms.sum(1, keepdim=True) * losses).sum(1).mean()


WAYS: dict[str, Callable[..., Tensor]] = {"commonfate": flow_loss, "unfold": unfolded_loss}


def synthetic(batch: int, side: int) -> tuple[Tensor, Tensor, Tensor]:
    """Random features and saliency, and smooth random flow at the resolution of the image."""
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(batch, side, side, CHANNELS, generator=generator)
    salience = torch.rand(batch, side, side, generator=generator)
    coarse = torch.randn(batch, 2, 6, 6, generator=generator)
    flow = functional.interpolate(coarse, (side * PATCH, side * PATCH), mode="bicubic")
    return features.requires_grad_(), salience, stabilised(flow)


def largest_difference(side: int, size: int) -> float:
    """Largest difference between the two ways, of two frames: loss (relative) and gradient.

    Raises:
        RuntimeError: it is above `TOLERANCE`.
    """
    features, salience, flow = synthetic(2, side)
    values, gradients = [], []
    for loss in WAYS.values():
        value = loss(features, salience, flow, FlowLossSettings(window=size))
        gradients += torch.autograd.grad(value, features)
        values.append(value.detach())
    differences = [float((values[0] / values[1] - 1).abs())]
    differences.append(float((gradients[0] - gradients[1]).abs().max()))
    if max(differences) > TOLERANCE:
        raise RuntimeError(f"{side} cells a side, windows of {size}: {differences}")
    return max(differences)


def run(way: str, side: int, size: int, batch: int, repeats: int) -> dict[str, float]:
    """Median CPU milliseconds of a call in this process, and the rise of its memory in MB."""
    features, salience, flow = synthetic(batch, side)
    settings = FlowLossSettings(window=size)

    def step() -> None:
        features.grad = None
        WAYS[way](features, salience, flow, settings).backward()

    step()
    features.grad = None
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak
    before = memory_mb("VmRSS")
    times = []
    for _ in range(repeats):
        began = time.process_time()
        step()
        times.append(time.process_time() - began)
    risen = memory_mb("VmHWM") - before
    return {"ms": 1e3 * statistics.median(times), "memory_mb": risen}


@click.command(help=__doc__.splitlines()[0])
@click.option("--batch", default=28, show_default=True, help="frames")
@click.option("--repeats", default=7, show_default=True, help="calls that are timed")
@click.option(
    "--size", "sizes", multiple=True, default=(3, 5), show_default=True, help="K of a window"
)
@click.option("--task", hidden=True)
def main(batch: int, repeats: int, sizes: tuple[int, ...], task: str | None) -> None:
    """Measure one case and write JSON, or all of them and write a table."""
    torch.set_num_threads(1)
    if task is not None:
        click.echo(json.dumps(run(**json.loads(task))))
        return
    rows = []
    for side in SIDES:
        for size in sizes:
            difference = largest_difference(side, size)
            case = {"side": side, "size": size, "batch": batch, "repeats": repeats}
            ours, copied = (in_process(__file__, {"way": way, **case}) for way in WAYS)
            times = (ours["ms"], copied["ms"], copied["ms"] / ours["ms"])
            memory = (ours["memory_mb"], copied["memory_mb"])
            rows.append((f"{side}x{side}", size, *times, *memory, f"{difference:.0e}"))
    headers = ("cells", "K", "commonfate ms", "unfold ms", "faster", "MB", "unfold MB", "differ by")
    formats = ("", "", ".0f", ".0f", ".1f", ".0f", ".0f", "")
    click.echo(tabulate(rows, headers, tablefmt="github", floatfmt=formats))
    click.echo(f"\nB={batch}, C={CHANNELS}, stride 2; one thread, torch {torch.__version__}")


if __name__ == "__main__":
    main()
