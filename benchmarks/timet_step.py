"""A training step of TimeT beside the same step in the structure of the released code.

    python benchmarks/timet_step.py                # ViT-S/16, crops of 224 pixels, four clips
    python benchmarks/timet_step.py --small        # seconds: tells that it works, not how fast

The released structure encodes all frames once for each use, by the network with its head, by the
teacher if there is one, and by the network without its head for affinities; every frame's last
blocks have a graph; and a loop carries the assignments of one clip after the other. The project's
way encodes all frames once and carries all clips together (`methods/timet/network.py`). Weights,
batches, forwarder and optimiser are the same.

Each way has a process of its own, with `--threads` threads. Times are medians of wall time, and of
the processor's. Memory is the peak of the process (Linux: VmHWM) less what it held before the
network was built. The loss is that of the first step.
"""

import json
import os
import platform
import statistics
import time
from pathlib import Path

import click
import torch
from own_process import in_process, memory_mb
from tabulate import tabulate
from torch import Tensor, nn
from torch.nn import functional

from commonfate.methods.timet.loss import cross_entropy
from commonfate.methods.timet.method import Timet
from commonfate.methods.timet.network import TimetNetwork
from commonfate.methods.timet.settings import TimetSettings
from commonfate.methods.timet.sinkhorn import assign
from commonfate.models.forwarder import forward

FULL = {"encoder": "random.vit_small_16", "batch_size": 4}
SMALL = {"encoder": "random.vit_smoke_8", "batch_size": 2, "crop": 32, "head": (16, 8)}
WAYS = ("released structure", "commonfate")
WARM = 1


def settings_of(recipe: str, small: bool, batch_size: int | None) -> TimetSettings:
    """Settings of the paper or of the released code, of a size that a CPU can train."""
    changes = {**(SMALL if small else FULL), **({"batch_size": batch_size} if batch_size else {})}
    return TimetSettings.released(**changes) if recipe == "released" else TimetSettings(**changes)


def released_loss(model: TimetNetwork, clips: Tensor, settings: TimetSettings) -> Tensor:
    """The loss, by a pass for each use of the encoder and a loop over clips."""
    images = clips.flatten(0, 1)

    def features(blocks: nn.ModuleList) -> Tensor:
        backbone = model.backbone
        tokens, grid = backbone.embed((images - backbone.mean) / backbone.std)
        for block in [*backbone.network.blocks[: -model.trained_blocks], *blocks[:-2]]:
            tokens = block(tokens)
        tokens = backbone.network.norm(tokens)[:, 1:]
        return tokens.unflatten(1, grid).unflatten(0, clips.shape[:2])

    def cosines(blocks: nn.ModuleList) -> Tensor:
        projected = functional.normalize(blocks[-2](features(blocks)), dim=-1)
        return projected @ blocks[-1].weight.T

    learning = model.learning
    scores = cosines(learning)
    with torch.no_grad():
        source = scores[:, 0] if model.teacher is None else cosines(model.teacher)[:, 0]
        tokens = features(learning)
        assigned = assign(source.flatten(0, 2)).view_as(source)
    losses = []
    for clip, maps in enumerate(assigned):
        later = forward(
            tokens[clip : clip + 1], maps.movedim(-1, 0)[None], settings.targets.forwarder
        )
        target = later[:, -1].movedim(1, -1)
        losses.append(
            cross_entropy(scores[clip : clip + 1, -1], target, form=settings.targets.form)
        )
    return torch.stack(losses).mean()


def measure(task: dict) -> dict[str, float]:
    """Median milliseconds of a step, peak of memory in MB, and the first loss."""
    torch.set_num_threads(task["threads"])
    settings = settings_of(task["recipe"], task["small"], task["batch_size"])
    method = Timet(settings)
    generator = torch.Generator().manual_seed(0)
    shape = (settings.batch_size, settings.frames, 3, settings.crop, settings.crop)
    batches = [torch.randint(256, shape, generator=generator, dtype=torch.uint8) for _ in range(2)]
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # resets the peak
    before = memory_mb("VmRSS")
    torch.manual_seed(0)
    model = method.build().train()
    optimiser = method.optimiser(model)
    wall, processor, losses = [], [], []
    for step in range(WARM + task["steps"]):
        clips = batches[step % 2]
        began = time.perf_counter(), time.process_time()
        optimiser.zero_grad()
        if task["way"] == WAYS[0]:
            loss = released_loss(model, clips.float() / 255, settings)
        else:
            loss = method.loss(model, {"clips": clips}, step)["loss"]
        loss.backward()
        optimiser.step()
        method.after_step(model, step)
        losses.append(loss.item())
        wall.append(1e3 * (time.perf_counter() - began[0]))
        processor.append(1e3 * (time.process_time() - began[1]))
    return {
        "ms": statistics.median(wall[WARM:]),
        "cpu_ms": statistics.median(processor[WARM:]),
        "peak_mb": memory_mb("VmHWM") - before,
        "loss": losses[0],
    }


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--small", is_flag=True, help="A tiny network.")
@click.option("--steps", type=click.IntRange(1), default=3, show_default=True)
@click.option("--batch-size", type=click.IntRange(1), default=None, help="Clips of a step.")
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="A JSON file.")
@click.option("--task", hidden=True, default=None)
def main(
    small: bool,
    steps: int,
    batch_size: int | None,
    threads: int,
    output: Path | None,
    task: str | None,
) -> None:
    """Measure the two ways, with the settings of the paper and of the released code."""
    if task is not None:
        click.echo(json.dumps(measure(json.loads(task))))
        return
    rows, results = [], {}
    shared = {"small": small, "steps": steps, "batch_size": batch_size, "threads": threads}
    for recipe in ("paper", "released"):
        runs = {way: in_process(__file__, {**shared, "recipe": recipe, "way": way}) for way in WAYS}
        plain = runs[WAYS[0]]
        for way, run in runs.items():
            rows.append(
                [
                    recipe,
                    way,
                    f"{run['ms']:.0f}",
                    f"{run['cpu_ms']:.0f}",
                    f"{plain['cpu_ms'] / run['cpu_ms']:.2f}",
                    f"{run['peak_mb']:.0f}",
                    f"{run['loss']:.6f}",
                ]
            )
        results[recipe] = runs
    head = ["settings", "way", "ms", "CPU ms", "times as fast", "peak MB", "first loss"]
    click.echo(tabulate(rows, head, tablefmt="pipe", disable_numparse=True))
    click.echo(f"{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}")
    if output is not None:
        output.write_text(json.dumps(results, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
