"""Processes and devices of a training, by Lightning Fabric; and its options."""

import logging
from typing import TYPE_CHECKING, Any, cast

from pydantic import NonNegativeFloat, NonNegativeInt, PositiveInt

from commonfate.base import arithmetic
from commonfate.base.errors import UserError
from commonfate.base.settings import Settings
from commonfate.training import world

if TYPE_CHECKING:
    from lightning.fabric import Fabric


class Options(Settings):
    """Options of a training that do not change what is learnt."""

    workers: NonNegativeInt = 0
    """Processes that read samples ahead; 0 reads between the steps."""
    checkpoint_every_s: NonNegativeFloat = 60.0
    """Seconds between two checkpoints."""
    checkpoint_every: PositiveInt | None = None
    """Iterations between two checkpoints, in addition."""
    log_every: PositiveInt = 10
    """Iterations a line of metrics.jsonl."""


def machine(fabric: "Fabric") -> dict[str, Any]:
    """Describe the machine for a provenance: `device` and `threads`."""
    import torch

    on_gpu = fabric.device.type == "cuda"
    return {
        "device": torch.cuda.get_device_name(fabric.device) if on_gpu else "cpu",
        "threads": torch.get_num_threads(),
    }


def launch(
    device: str, devices: int, nodes: int, threads: int | None, precision: str, batch_size: int
) -> "Fabric":
    """Start the processes of a training, or join those that srun or torchrun started.

    Args:
        device: `cpu`, `cuda`, or `auto`.
        devices: processes a node, each with a device.
        nodes: number of machines.
        threads: CPU threads on a machine, which its processes share; None leaves it to torch.
        precision: arithmetic of the network, e.g. `32-true`.
        batch_size: samples a step, over all processes.

    Raises:
        UserError: the device cannot do that, the batch cannot be shared out evenly, or another
            number of processes was started.
    """
    import cv2
    import torch
    from lightning.fabric import Fabric
    from lightning.fabric.utilities.exceptions import MisconfigurationException

    for chatty in ("lightning.fabric", "lightning.pytorch"):  # their import says INFO
        logging.getLogger(chatty).setLevel(logging.WARNING)
    processes = devices * nodes
    if batch_size % processes:
        raise UserError(
            f"batch_size = {batch_size} cannot be shared out evenly to {processes} processes; "
            "choose a multiple of --devices times --nodes"
        )
    if precision == "16-mixed" and (device == "cpu" or not torch.cuda.is_available()):
        raise UserError(
            "precision = '16-mixed' needs a GPU; on the CPU use --set precision=bf16-mixed "
            "or 32-true"
        )
    environment = world.environment(devices, nodes)
    try:
        fabric = Fabric(
            accelerator=device,
            devices=devices,
            num_nodes=nodes,
            strategy="ddp" if processes > 1 else "auto",
            precision=cast(Any, precision),
            plugins=environment,
        )
        fabric.launch()
    except MisconfigurationException as error:
        reason = " ".join(str(error).split())
        raise UserError(f"--device {device} --devices {devices}: {reason}") from error
    together = torch.distributed.is_initialized() and torch.distributed.get_world_size()
    world.check_size(together or 1, devices, nodes)
    if threads:
        torch.set_num_threads(max(1, threads // devices))
    cv2.setNumThreads(torch.get_num_threads())
    if precision == "bf16-mixed" and fabric.is_global_zero:
        asked = "--set precision=32-true"
        arithmetic.warn_if_imitated(f"precision = {precision!r}", str(fabric.device), asked)
    if not fabric.is_global_zero:
        logging.getLogger("commonfate").setLevel(logging.WARNING)
    return fabric
