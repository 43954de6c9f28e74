"""Train a flow network, or go on with what an interrupted call began."""

from typing import Any

from lightning.fabric import Fabric

from commonfate.training import randomness, resume
from commonfate.training.flow.session import FlowSession
from commonfate.training.flow.task import FlowTask
from commonfate.training.options import Options
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
    """Train a flow network, or go on with what an interrupted call of the same training began.

    On the CPU, with the same number of threads, an interrupted training ends with the weights and
    the metrics of an unbroken one, to the bit.

    Args:
        task: what to train; `task.settings` is its recipe.
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
    settings = task.settings
    run = {
        "method": f"flow {task.network}",
        "network": task.network,
        "settings": settings.model_dump(mode="json"),
        "seed": seed,
        "samples": f"sprites, from weights {task.start_sha256()}",
        "code": f"flow training {RECIPE}",
        "provenance": provenance,
    }
    state = resume.saved_state(folder, run, settings.iterations)
    if state is None:
        folder.clear()
    if state is None or state["iteration"] < settings.iterations:
        with randomness.deterministic(fabric.device.type == "cpu"):
            state = FlowSession(task, folder, run, fabric, options).run(state)
    folder.publish({key: state[key] for key in _DESCRIBED})
    return state
