"""What the verbs that train have in common: options, and facts for the provenance."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from commonfate.cli import options as shared

if TYPE_CHECKING:
    from lightning.fabric import Fabric


def training_options(log_every: int, workers: str) -> Callable[[Callable], Callable]:
    """Options of device, loader, checkpoints and log, as a decorator of a command.

    Args:
        log_every: default number of iterations a line of metrics.jsonl.
        workers: what `--workers` are, and how many by default.
    """
    options = [
        shared.device(),
        shared.threads("the processes of a machine"),
        click.option("--workers", type=click.IntRange(0), help=workers),
        click.option(
            "--checkpoint-every-s",
            type=click.FloatRange(0),
            default=60.0,
            show_default=True,
            help="Seconds between two checkpoints.",
        ),
        click.option(
            "--checkpoint-every",
            type=click.IntRange(1),
            help="Also after every so many iterations.",
        ),
        click.option(
            "--log-every",
            type=click.IntRange(1),
            default=log_every,
            show_default=True,
            help="Iterations a line of metrics.jsonl.",
        ),
    ]

    def decorate(command: Callable) -> Callable:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def facts_of(fabric: "Fabric") -> dict[str, Any]:
    """What the provenance says of the machine: `device` and `threads`."""
    import torch

    on_gpu = fabric.device.type == "cuda"
    return {
        "device": torch.cuda.get_device_name(fabric.device) if on_gpu else "cpu",
        "threads": torch.get_num_threads(),
    }
