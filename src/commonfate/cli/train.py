"""`commonfate train`: train a method."""

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from commonfate.base.errors import ConfigError
from commonfate.cli import options
from commonfate.methods.settings import MethodsConfig, class_of

if TYPE_CHECKING:
    from lightning.fabric import Fabric

    from commonfate.base.settings import MethodSettings
    from commonfate.methods.base import TrainedMethod

TRAINED = [name for name in MethodsConfig.model_fields if class_of(name).trained]


@click.command()
@click.option(
    "--index",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help="results/samples/{name}/index.parquet.",
)
@click.option(
    "--beside",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A second index, for methods that learn from two samples at a time, as flowdino does from "
    "a frame of a video and an image.",
)
@click.option("--method", type=click.Choice(TRAINED), required=True, help="What to train.")
@options.assignments(
    "A hyper-parameter of the method, e.g. iterations=400; the others have their defaults."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@options.output("Folder of the run: results/runs/{run}.", folder=True)
@options.devices("every batch (DDP)")
@click.option(
    "--nodes",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Machines; with more than one, srun or torchrun starts all processes.",
)
@options.training(
    log_every=10,
    workers="Processes that read samples ahead; default: none on the CPU, --threads beside a GPU.",
)
def command(
    index: Path,
    beside: Path | None,
    method: str,
    pairs: tuple[str, ...],
    seed: int,
    output: Path,
    device: str,
    devices: str | None,
    nodes: int,
    threads: int | None,
    workers: int | None,
    **options: float | int | None,
) -> None:
    """Train a method, or go on with a training that was interrupted.

    \b
        commonfate train --index index.parquet --method gwm --set iterations=400 \\
            --set width=16 --set merge.features=pixels -o run

    Until the end the state is in hidden files of the run's folder. After a kill the same command
    continues from there; with other settings, seed or samples it starts again.
    """
    from commonfate.base.devices import acquire
    from commonfate.base.settings import from_pairs

    settings = from_pairs(class_of(method), pairs).resolved(())
    device, count = _devices(devices or "1", device)
    # The launcher assigns several devices; a single one is taken under a lock.
    single = count == nodes == 1
    with acquire(device) if single else contextlib.nullcontext(device) as chosen:
        from commonfate import methods
        from commonfate.samples.index import read
        from commonfate.training.launch import Options, launch
        from commonfate.training.loop import train

        trained, samples = methods.create_trained(settings), read(index)
        others = None if beside is None else read(beside)
        inputs = _inputs(index, beside, trained)
        precision, batch_size = trained.settings.precision, trained.settings.batch_size
        fabric = launch(chosen, count, nodes, threads, precision, batch_size)
        record = _provenance(inputs, settings, seed, fabric)
        if workers is None:
            workers = record["threads"] if fabric.device.type == "cuda" else 0
        chosen_options = Options(workers=workers, **options)
        train(trained, samples, output, seed, fabric, chosen_options, record, others)


def _devices(text: str, device: str) -> tuple[str, int]:
    """Kind and number of the devices of a machine; of a list, the launcher sees only its GPUs."""
    from commonfate.base import devices

    if text.isdigit() and int(text):  # this process may not see the other tasks' devices
        return device, int(text)
    launched = "LOCAL_RANK" in os.environ  # by a process that has chosen the devices
    chosen_before = launched and text != "all"
    names = text.split(",") if chosen_before else devices.listed(text, device)
    kinds = {name.partition(":")[0] for name in names}
    if len(kinds) > 1:
        raise ConfigError(f"--devices {text}: a training needs devices of one kind")
    if not launched and all(":" in name for name in names):
        gpus = devices.visible_gpus()
        chosen = [gpus[int(name.partition(":")[2])] for name in names]
        os.environ[devices.VISIBLE] = ",".join(chosen)
    return kinds.pop(), len(names)


def _inputs(index: Path, beside: Path | None, method: "TrainedMethod") -> list[Path]:
    """Files that are read: the samples and, if there is one, the checkpoint to start from."""
    samples = [index] if beside is None else [index, beside]
    start = method.start_file()
    if start is None:
        return samples
    if not start.is_file():
        raise ConfigError(f"--set start={start}: no such file; name the checkpoint.pt of a run")
    return [*samples, start]


def _provenance(
    inputs: list[Path], settings: "MethodSettings", seed: int, fabric: "Fabric"
) -> dict[str, Any]:
    """Provenance of the run."""
    from commonfate.base import provenance
    from commonfate.training.launch import machine

    return provenance.record(
        "train",
        settings.model_dump(mode="json"),
        inputs,
        seed=seed,
        processes=fabric.world_size,
        **machine(fabric),
    )
