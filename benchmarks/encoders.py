"""Speed of encoders: images a second, beside timm's own forward and a loop over images, in one run.

    python benchmarks/encoders.py                                   # ViT-S/16 on the CPU
    python benchmarks/encoders.py --device cuda --batch 64 --images 1024 --size 448 448

Three ways from the same images to features on the same device, with random weights, which do for
speed. timm: its `forward_features`, which gives tokens and class token. A loop: DINO's way in the
authors' scripts, an image at a time, a hook for the keys of the last layer and the attention of all
pairs of tokens. Ours: batches, tokens alone and all features in one pass. The ways take turns, so
that other load on the machine meets all alike; the fastest of the repeats is shown, on a CPU by
processor time.
"""

import time
from collections.abc import Callable

import click
import torch
from tabulate import tabulate
from torch import Tensor

from commonfate.models.catalogue import VITS
from commonfate.models.encoders import FEATURES, Encoder
from commonfate.models.encoders.create import create

Way = Callable[[Tensor], dict[str, Tensor]]


def of_timm(encoder: Encoder, batch: int) -> Way:
    """timm's own forward, in batches; its positions at other sizes are others."""

    def run(images: Tensor) -> dict[str, Tensor]:
        normalised = (images - encoder.mean) / encoder.std
        parts = [encoder.network.forward_features(part) for part in normalised.split(batch)]
        tokens = torch.cat(parts)
        grid = tuple(side // encoder.patch for side in images.shape[2:])
        return {"tokens": tokens[:, 1:].unflatten(1, grid), "cls": tokens[:, 0]}

    return run


def of_loop(encoder: Encoder) -> Way:
    """An image at a time, with a hook on the last layer and attention of all pairs."""
    network = encoder.network
    last = network.blocks[-1].attn
    heads = last.num_heads

    def run(images: Tensor) -> dict[str, Tensor]:
        outputs: list[Tensor] = []
        hook = last.qkv.register_forward_hook(lambda module, inputs, output: outputs.append(output))
        collected: dict[str, list[Tensor]] = {name: [] for name in FEATURES}
        grid = tuple(side // encoder.patch for side in images.shape[2:])
        for image in images:
            normalised = (image[None] - encoder.mean) / encoder.std
            tokens = network.forward_features(normalised)
            queries, keys, _ = (
                outputs.pop().unflatten(2, (3, heads, -1)).permute(2, 0, 3, 1, 4).unbind()
            )
            pairs = (queries @ keys.mT * last.scale).softmax(-1)
            collected["tokens"].append(tokens[:, 1:].unflatten(1, grid))
            collected["cls"].append(tokens[:, 0])
            collected["keys"].append(keys[:, :, 1:].transpose(1, 2).flatten(2).unflatten(1, grid))
            collected["attention"].append(pairs[:, :, 0, 1:].unflatten(2, grid))
        hook.remove()
        return {name: torch.cat(parts) for name, parts in collected.items()}

    return run


def of_ours(encoder: Encoder, batch: int, names: tuple[str, ...]) -> Way:
    """This package's encoder, in batches."""

    def run(images: Tensor) -> dict[str, Tensor]:
        parts = [encoder(part, names) for part in images.split(batch)]
        return {name: torch.cat([part[name] for part in parts]) for name in names}

    return run


def seconds(way: Way, images: Tensor) -> float:
    """Time of one call: of the processor, or by the clock until the GPU is done."""
    clock = time.perf_counter if images.is_cuda else time.process_time
    start = clock()
    way(images)
    if images.is_cuda:
        torch.cuda.synchronize()
    return clock() - start


@click.command(help=__doc__)
@click.option("--device", default="cpu", show_default=True)
@click.option("--architecture", type=click.Choice(list(VITS)), default="vit_small_16")
@click.option("--size", nargs=2, type=int, default=(224, 224), show_default=True)
@click.option("--images", "count", default=16, show_default=True)
@click.option("--batch", default=8, show_default=True)
@click.option("--threads", default=1, show_default=True, help="CPU threads of torch.")
@click.option("--repeats", default=5, show_default=True)
@torch.inference_mode()
def main(
    device: str,
    architecture: str,
    size: tuple[int, int],
    count: int,
    batch: int,
    threads: int,
    repeats: int,
) -> None:
    torch.set_num_threads(threads)
    encoder = create(f"random.{architecture}").to(device)
    images = torch.rand(count, 3, *size, generator=torch.Generator().manual_seed(0)).to(device)
    ways = {
        "timm's forward, batches: tokens, cls": of_timm(encoder, batch),
        "a loop over images, hook: all": of_loop(encoder),
        "commonfate, batches: tokens, cls": of_ours(encoder, batch, ("tokens", "cls")),
        "commonfate, batches: all": of_ours(encoder, batch, FEATURES),
    }
    click.echo(
        f"{architecture}, {count} images {size[0]}x{size[1]}, batches of {batch}, {device}, "
        f"{threads} threads, torch {torch.__version__}"
    )
    for way in ways.values():  # what is done once
        way(images[: 2 * batch])
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            times[name].append(seconds(way, images))
    ours, loop = (ways[name](images[:4]) for name in list(ways)[:0:-2])
    theirs = min(times[next(iter(ways))])
    rows = [[name, count / min(spent), theirs / min(spent)] for name, spent in times.items()]
    headings = ["way", "images/s", "times timm"]
    click.echo("\n" + tabulate(rows, headings, tablefmt="pipe", floatfmt=".3g"))
    square = (VITS[architecture].image_size,) * 2
    if size == square:  # elsewhere timm's positions are others
        errors = ", ".join(f"{n} {(ours[n] - loop[n]).abs().max().item():.1g}" for n in FEATURES)
        click.echo(f"\nLargest difference from the loop: {errors}")


if __name__ == "__main__":
    main()
