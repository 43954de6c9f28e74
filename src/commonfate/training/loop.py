"""Train, or go on with an interrupted call of the same training."""

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from lightning.fabric import Fabric

from commonfate.base.files import sha256
from commonfate.base.provenance import code_digest
from commonfate.methods.base import TrainedMethod
from commonfate.methods.task import TrainingTask
from commonfate.samples.index import SampleIndex
from commonfate.training import checkpoint, randomness
from commonfate.training.data import SampleData, TrainingData
from commonfate.training.launch import Options
from commonfate.training.run_folder import RunFolder
from commonfate.training.session import Session

# Keys of a run's config.yaml.
_DESCRIBED = (
    "method",
    "settings",
    "seed",
    "index",
    "beside",
    "samples",
    "elapsed_s",
    "provenance",
)


def train(
    method: TrainedMethod,
    index: SampleIndex,
    output: Path,
    seed: int,
    fabric: Fabric,
    options: Options,
    provenance: dict[str, Any],
    beside: SampleIndex | None = None,
) -> None:
    """Train a method, or go on with an interrupted call of the same training.

    Args:
        method: the method.
        index: samples to learn from.
        output: `results/runs/{run}`; gets checkpoint.pt, config.yaml, metrics.jsonl, snapshots/.
        seed: seed of the initial weights, the batches, and all else that is random.
        fabric: launched; knows device, precision, processes.
        options: loader, checkpoints, log.
        provenance: kept in the checkpoint and in config.yaml.
        beside: samples of which each sample gets one, if the method learns so.

    Raises:
        UserError: see `carry_out`.
        ConfigError: method and samples do not go together.
    """
    folder = RunFolder(output)
    settings = method.settings
    start = method.start_file()
    run = {
        "method": settings.method,
        "settings": settings.model_dump(mode="json"),
        "seed": seed,
        "samples": index.digest if beside is None else f"{index.digest}+{beside.digest}",
        # Of the same name in every training, but not of the same weights.
        "start": None if start is None else sha256(start),
        "code": code_digest(),
        "index": str(index.path),
        **({} if beside is None else {"beside": str(beside.path)}),
        "provenance": provenance,
    }
    data = SampleData(method, index.samples, () if beside is None else beside.samples)
    described = [key for key in _DESCRIBED if key in run or key == "elapsed_s"]
    with folder.locked() if fabric.is_global_zero else nullcontext():
        carry_out(method, data, folder, run, fabric, options, described)


def carry_out(
    task: TrainingTask,
    data: TrainingData,
    folder: RunFolder,
    run: dict[str, Any],
    fabric: Fabric,
    options: Options,
    described: Sequence[str],
) -> dict[str, Any]:
    """Take the steps that are missing, and put the products in place.

    On the CPU, with the same number of threads, an interrupted training ends with the weights and
    the metrics of an unbroken one, to the bit.

    Args:
        task: network, loss, schedules.
        data: batches.
        folder: locked by the caller.
        run: see `checkpoint.saved_state`; kept in the checkpoint, with `seed` and `provenance`.
        fabric: launched.
        options: loader, checkpoints, log.
        described: keys of the final state that config.yaml gets.

    Returns:
        The state after the last step: `model`, `settings`, `iteration`...; empty in all processes
        but the first.

    Raises:
        UserError: a sample cannot be read, the loss is not finite, or a signal ended the training;
            each time the same call goes on from the last checkpoint.
    """
    iterations = task.settings.iterations
    fabric.barrier()
    state = checkpoint.saved_state(folder, run, iterations)
    fabric.barrier()  # every process has read before the first one clears
    if state is None and fabric.is_global_zero:
        folder.clear()
    if state is None or state["iteration"] < iterations:
        with randomness.deterministic(fabric.device.type == "cpu"):
            state = Session(task, data, folder, run, fabric, options).run(state)
    if state is None:
        return {}
    if fabric.is_global_zero:
        folder.publish({key: state[key] for key in described})
    return state
