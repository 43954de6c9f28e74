"""Train a flow network, or go on with an interrupted call of the same training."""

from typing import Any

from lightning.fabric import Fabric

from commonfate.training.flow.pairs import PairData
from commonfate.training.flow.task import FlowTask
from commonfate.training.launch import Options
from commonfate.training.loop import carry_out
from commonfate.training.run_folder import RunFolder

RECIPE = 1
"""Raised when the code changes what the same settings learn: then a finished training is done anew.
Other changes of the code must not throw hours of training away."""
_DESCRIBED = ("network", "settings", "seed", "elapsed_s", "provenance")


def train(
    task: FlowTask,
    folder: RunFolder,
    seed: int,
    fabric: Fabric,
    options: Options,
    provenance: dict[str, Any],
) -> dict[str, Any]:
    """Train a flow network, or go on with an interrupted call of the same training.

    Args:
        task: the network; `task.settings` is its recipe.
        folder: gets checkpoint.pt, config.yaml, metrics.jsonl, snapshots/; the caller locks it.
        seed: seed of the initial weights, the pairs, and all else that is random.
        fabric: launched, with one process.
        options: loader, checkpoints, log.
        provenance: kept in the checkpoint and in config.yaml.

    Returns:
        The state after the last step: `model`, `settings`, `iteration`...

    Raises:
        UserError: the loss is not finite, or a signal ended the training; each time the same call
            goes on from the last checkpoint.
    """
    run = {
        "method": f"flow {task.network}",
        "network": task.network,
        "settings": task.settings.model_dump(mode="json"),
        "seed": seed,
        "samples": f"sprites, from weights {task.start_sha256()}",
        "code": f"flow training {RECIPE}",
        "provenance": provenance,
    }
    data = PairData(task.settings)
    return carry_out(task, data, folder, run, fabric, options, _DESCRIBED)
