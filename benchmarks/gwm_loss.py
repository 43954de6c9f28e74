"""Time and memory of Guess What Moves' loss at full flow resolution, against plain least squares.

    python benchmarks/gwm_loss.py

Forward plus backward, from logits at 128x224 to their gradient, for a batch of flow at 480x854. The
baseline writes down the definition: masks upsampled, and for every mask a QR factorisation of its
weighted (pixels x 6) design, differentiated by autograd. Each case runs in its own process, after a
call that warms up, on one thread: time is CPU time, so that other load on the machine matters
little; memory is the peak of a call less what the process held before it. What the pulled-back loss
spends on maps of the flow alone is told apart, too. Linux only (/proc).
"""

import argparse
import ctypes
import json
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import click
import torch
from own_process import in_process, memory_mb
from torch import Tensor

from commonfate.methods.gwm.loss import paper_loss_pulled_back, pixel_count
from commonfate.methods.gwm.objective import Upsample, Variant, upsampled_loss, upsampled_masks
from commonfate.methods.gwm.pull_back import flow_maps, monomial_maps

LOW, FULL, DEGREE = (128, 224), (480, 854), 2
CASES: list[tuple[Variant, Upsample]] = [
    ("paper", "probabilities"),
    ("paper", "logits"),
    ("released", "probabilities"),
]


def qr_loss(logits: Tensor, flow: Tensor, variant: Variant, upsample: Upsample) -> Tensor:
    """The loss by its definition: a QR factorisation for each mask, at the flow's resolution."""
    masks = upsampled_masks(logits, FULL, upsample).flatten(2)[..., None]  # (B, K, HW, 1)
    targets = flow.flatten(2).mT[:, None]  # (B, 1, HW, 2)
    y, x = torch.meshgrid(*(torch.linspace(-1, 1, side) for side in FULL), indexing="ij")
    design = torch.stack([torch.ones_like(x), x, y, x * x, x * y, y * y], -1).flatten(0, 1)
    weights = masks.sqrt() if variant == "paper" else masks
    q, r = torch.linalg.qr(weights * design)
    theta = torch.linalg.solve_triangular(r, q.mT @ (weights * targets), upper=True)
    fitted = design @ theta  # (B, K, HW, 2)
    if variant == "paper":
        return (masks * (targets - fitted).square()).sum((1, 3)).mean()
    return (targets[:, 0] - (masks * fitted).sum(1)).square().mean()


def synthetic(batch: int, components: int) -> tuple[Tensor, Tensor]:
    """Smooth random logits, and a flow field of random quadratic motions in hidden regions."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.randn(batch, components, 8, 14, generator=generator)
    logits = torch.nn.functional.interpolate(4 * coarse, size=LOW, mode="bicubic")
    motions = torch.randn(batch, 2, 3, 5, generator=generator)
    flow = torch.nn.functional.interpolate(8 * motions, size=FULL, mode="bicubic")
    return logits.requires_grad_(), flow + 0.3 * torch.randn(flow.shape, generator=generator)


def measure(step: Callable[[], Tensor], repeats: int) -> dict[str, float]:
    """Median CPU seconds of a call, the rise of the process's memory in MB, and its value."""
    value = step()
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak
    before = memory_mb("VmRSS")
    times = []
    for _ in range(repeats):
        began = time.process_time()
        step()
        times.append(time.process_time() - began)
    risen = memory_mb("VmHWM") - before
    return {"seconds": statistics.median(times), "memory_mb": risen, "value": float(value)}


def run_case(case: str, variant: Variant, upsample: Upsample, batch: int) -> dict[str, float]:
    """Measure one case in this process: `ours`, `qr` or `maps`."""
    logits, flow = synthetic(batch, components=4)
    if case == "maps":
        valid = torch.ones(batch, *FULL, dtype=torch.bool)
        return measure(lambda: flow_maps(flow, valid, LOW, DEGREE).sum(), repeats=5)
    loss = ours(flow, variant, upsample) if case == "ours" else None

    def step() -> Tensor:
        logits.grad = None
        value = loss(logits) if loss else qr_loss(logits, flow, variant, upsample)
        value.backward()
        return value.detach()

    return measure(step, repeats=5 if loss else 2)


def ours(flow: Tensor, variant: Variant, upsample: Upsample) -> Callable[[Tensor], Tensor]:
    """The project's loss as a function of the logits."""
    if (variant, upsample) != ("paper", "probabilities"):
        return lambda logits: upsampled_loss(logits, flow, "quadratic", variant, upsample)
    valid = torch.ones(len(flow), *FULL, dtype=torch.bool)
    grid, pixels = monomial_maps(valid[:1], LOW, DEGREE)[0], pixel_count(valid)

    def loss(logits: Tensor) -> Tensor:
        maps = flow_maps(flow, valid, LOW, DEGREE)
        return paper_loss_pulled_back(logits.softmax(1), maps, grid, pixels, "quadratic")

    return loss


def table(batch: int) -> str:
    """Run every case and lay the results out as Markdown."""
    lines = [
        "| variant | upsampled | loss ms | of that maps | QR ms | faster | loss MB | QR MB "
        "| less memory |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for variant, upsample in CASES:
        own, qr = (_measured(case, variant, upsample, batch) for case in ("ours", "qr"))
        if abs(own["value"] / qr["value"] - 1) > 1e-3:
            raise RuntimeError(f"{variant} {upsample}: {own['value']} is not {qr['value']}")
        maps = "-"
        if (variant, upsample) == ("paper", "probabilities"):
            maps = f"{_measured('maps', variant, upsample, batch)['seconds'] * 1e3:.0f}"
        lines.append(
            f"| {variant} | {upsample} | {own['seconds'] * 1e3:.0f} | {maps} "
            f"| {qr['seconds'] * 1e3:.0f} "
            f"| {qr['seconds'] / own['seconds']:.0f}x | {own['memory_mb']:.0f} "
            f"| {qr['memory_mb']:.0f} | {qr['memory_mb'] / own['memory_mb']:.0f}x |"
        )
    return "\n".join(lines)


def _measured(case: str, variant: Variant, upsample: Upsample, batch: int) -> dict[str, float]:
    task = {"way": case, "variant": variant, "upsample": upsample, "batch": batch}
    return in_process(__file__, task)


def main() -> None:
    """Measure one case and write JSON, or all of them and write a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=8, help="samples in a batch")
    parser.add_argument("--task", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.task is not None:
        task = json.loads(arguments.task)
        click.echo(
            json.dumps(run_case(task["way"], task["variant"], task["upsample"], task["batch"]))
        )
        return
    click.echo(f"{table(arguments.batch)}\n")
    click.echo(
        f"B={arguments.batch}, K=4, masks 128x224, flow 480x854, quadratic; {_processor()}, "
        f"one thread, torch {torch.__version__}"
    )


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    named = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()


if __name__ == "__main__":
    main()
