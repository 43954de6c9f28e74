"""Shares of a training step of FlowDINO: flow loss, teacher, and the preparation of the next batch.

    python benchmarks/flowdino_step.py             # ViT-S/16, the paper's crops, two items
    python benchmarks/flowdino_step.py --demo      # the sizes of scale demo

Frames of 480x854 pixels with smooth flow, images of 375x500, and noise on both; all settings but
`batch_size` are the paper's (or the demo's). The whole step is the method's loss, its gradient, the
optimiser and the teacher's average. The flow loss is timed alone, forward and backward, on the
student's own maps; the teacher alone, forward; a batch is prepared and put together without reading
a file. Medians of processor time on one thread. A loader that prepares on another core makes a step
wait for what its preparation is longer than the step.
"""

import statistics
import time
from collections.abc import Callable

import click
import numpy as np
import torch
from tabulate import tabulate
from torch.nn import functional
from torch.utils.data import default_collate

from commonfate.methods.flowdino.loss import flow_loss
from commonfate.methods.flowdino.method import KINDS, FlowDino
from commonfate.methods.flowdino.settings import FlowDinoSettings
from commonfate.samples.example import Example

FRAME, IMAGE = (480, 854), (375, 500)
DEMO = {
    "dim": 192,
    "depth": 6,
    "heads": 3,
    "patch": 8,
    "global_crop": 64,
    "local_crop": 40,
    "local_crops": 4,
    "outputs": 1024,
    "hidden": 512,
    "bottleneck": 128,
}


def example(number: int) -> Example:
    """A frame with flow, and an image."""
    generator = np.random.default_rng(number)

    def picture(size: tuple[int, int]) -> np.ndarray:
        return generator.integers(0, 256, (*size, 3), np.uint8)

    torch.manual_seed(number)
    flow = 5 * functional.interpolate(torch.randn(1, 2, 6, 8), FRAME, mode="bicubic")[0]
    beside = Example(picture(IMAGE), seed=1000 + number)
    return Example(picture(FRAME), flow=flow.numpy(), seed=number, beside=beside)


def seconds(action: Callable[[], object], repeats: int) -> float:
    """Median processor time after a first call."""
    action()
    times = []
    for _ in range(repeats):
        began = time.process_time()
        action()
        times.append(time.process_time() - began)
    return statistics.median(times)


@click.command(help=__doc__.splitlines()[0])
@click.option("--demo", is_flag=True, help="the sizes of scale demo")
@click.option("--items", default=2, show_default=True, help="items of a batch")
@click.option("--repeats", default=5, show_default=True, help="steps that are timed")
def main(demo: bool, items: int, repeats: int) -> None:
    """Print the shares."""
    torch.set_num_threads(1)
    settings = FlowDinoSettings(batch_size=items, **(DEMO if demo else {}))
    method = FlowDino(settings)
    torch.manual_seed(0)
    model = method.build().train()
    optimiser = method.optimiser(model)
    examples = [example(number) for number in range(items)]
    batch = default_collate([method.prepare(item) for item in examples])
    crops = [batch[f"{kind}_crops"].float() / 255 for kind in KINDS]
    frames = [batch[f"frame_{kind}_crops"].float() / 255 for kind in KINDS]
    flows = [batch[f"{kind}_flow"].transpose(0, 1).flatten(0, 1) for kind in KINDS]
    with torch.no_grad():
        _, maps = model(crops, frames)
    maps = [(of.tokens.detach().requires_grad_(), of.salience) for of in maps]

    def step() -> None:
        optimiser.zero_grad()
        method.loss(model, batch, 1)["loss"].backward()
        optimiser.step()
        method.after_step(model, 1)

    def loss() -> None:
        losses = [
            flow_loss(tokens, salience, flow, settings.flow)
            for (tokens, salience), flow in zip(maps, flows, strict=True)
        ]
        torch.stack(losses).mean().backward()

    whole = seconds(step, repeats)
    parts = {
        "whole step": whole,
        "flow loss, forward and backward": seconds(loss, repeats),
        "teacher": seconds(lambda: model.targets(crops[0]), repeats),
        "preparing a batch, beside the step": seconds(
            lambda: default_collate([method.prepare(item) for item in examples]), repeats
        ),
    }
    rows = [(name, 1e3 * value, 100 * value / whole) for name, value in parts.items()]
    headers = ("part", "ms", "% of the step")
    click.echo(tabulate(rows, headers, tablefmt="github", floatfmt=("", ".0f", ".1f")))
    click.echo(f"\n{items} items, one thread, torch {torch.__version__}")


if __name__ == "__main__":
    main()
