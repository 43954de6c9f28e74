"""What the verbs that train have in common: options, and facts for the provenance."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from commonfate.cli import options
from commonfate.training.launch import Options

if TYPE_CHECKING:
    from lightning.fabric import Fabric


def training_options(log_every: int, workers: str) -> Callable[[Callable], Callable]:
    """Options of device, loader, checkpoints and log, as a decorator of a command.

    Args:
        log_every: default number of iterations a line of metrics.jsonl.
        workers: what `--workers` are, and how many by default.
    """

    def decorate(command: Callable) -> Callable:
        for option in reversed(
            (
                options.device(),
                options.threads("the processes of a machine"),
                options.fields(Options, "workers", default=None, help=workers, show_default=False),
                options.fields(Options, "checkpoint_every_s", "checkpoint_every"),
                options.fields(Options, "log_every", default=log_every),
            )
        ):
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
