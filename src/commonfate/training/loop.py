"""Train a method, or go on with what an interrupted call began."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

from lightning.fabric import Fabric

from commonfate.base.files import sha256
from commonfate.base.provenance import code_digest
from commonfate.methods.base import TrainedMethod
from commonfate.samples.index import SampleIndex
from commonfate.training import randomness, resume
from commonfate.training.options import Options
from commonfate.training.run_folder import RunFolder
from commonfate.training.session import Session

# What config.yaml says of a run.
_DESCRIBED = ("method", "settings", "seed", "index", "samples", "elapsed_s", "provenance")


def train(
    method: TrainedMethod,
    index: SampleIndex,
    output: Path,
    seed: int,
    fabric: Fabric,
    options: Options,
    provenance: dict[str, Any],
) -> None:
    """Train a method, or go on with what an interrupted call of the same training began.

    On the CPU, with the same number of threads, an interrupted training ends with the weights and
    the metrics of an unbroken one, to the bit.

    Args:
        method: what to train.
        index: samples to learn from.
        output: `results/runs/{run}`; gets checkpoint.pt, config.yaml, metrics.jsonl, snapshots/.
        seed: seed of the initial weights, the batches, and all else that is random.
        fabric: launched; knows device, precision, processes.
        options: loader, checkpoints, log.
        provenance: kept in the checkpoint and in config.yaml.

    Raises:
        UserError: a sample cannot be read, the loss is not finite, or a signal ended the training;
            each time the same call goes on from the last checkpoint.
    """
    folder = RunFolder(output)
    settings = method.settings
    start = method.start_file()
    run = {
        "method": settings.method,
        "settings": settings.model_dump(mode="json"),
        "seed": seed,
        "samples": index.digest,
        # Of the same name in every training, but not of the same weights.
        "start": None if start is None else sha256(start),
        "code": code_digest(),
        "index": str(index.path),
        "provenance": provenance,
    }
    with folder.locked() if fabric.is_global_zero else nullcontext():
        fabric.barrier()
        state = resume.saved_state(folder, run, settings.iterations)
        fabric.barrier()  # every process has read before the first one clears
        if state is None and fabric.is_global_zero:
            folder.clear()
        if state is None or state["iteration"] < settings.iterations:
            with randomness.deterministic(fabric.device.type == "cpu"):
                state = Session(method, index, folder, run, fabric, options).run(state)
        if fabric.is_global_zero:
            folder.publish({key: state[key] for key in _DESCRIBED})
