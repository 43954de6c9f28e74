"""`commonfate train-flow`: train a flow network on rendered pairs."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from commonfate.cli import options

if TYPE_CHECKING:
    from lightning.fabric import Fabric

    from commonfate.training.flow.settings import FlowTrainingSettings


@click.command()
@click.option("--network", required=True, help="A ptlflow model: raft_small, arflow, ...")
@options.assignments(
    "A key of the recipe, e.g. iterations=4000; the others have the network's defaults."
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True)
@options.output("Weights: results/flow_weights/{network}.sprites.safetensors.")
@options.training(
    log_every=20,
    workers="Processes that render ahead; default: one on the CPU, --threads beside a GPU.",
)
def command(
    network: str,
    pairs: tuple[str, ...],
    seed: int,
    output: Path,
    device: str,
    threads: int | None,
    workers: int | None,
    **options: float | int | None,
) -> None:
    """Train a flow network on rendered pairs of known flow, or continue such a training.

    \b
        commonfate train-flow --network raft_small --set iterations=4000 -o raft_small.safetensors

    The state is in a folder beside the output (its name without `.safetensors`). After a kill the
    same command continues from there; with other settings or seed it starts again.
    """
    from commonfate.base.devices import acquire
    from commonfate.training.flow.settings import recipe

    settings = recipe(network, pairs)
    with acquire(device) as chosen:
        from commonfate.training.flow.export import export
        from commonfate.training.flow.task import FlowTask
        from commonfate.training.flow.train import train
        from commonfate.training.launch import Options, launch
        from commonfate.training.run_folder import RunFolder

        fabric = launch(chosen, 1, 1, threads, settings.precision, settings.batch_size)
        record = _provenance(network, settings, seed, fabric)
        if workers is None:
            workers = record["threads"] if fabric.device.type == "cuda" else 1
        task = FlowTask(network, settings, seed)
        folder = RunFolder(output.with_suffix(""))
        with folder.locked():
            state = train(task, folder, seed, fabric, Options(workers=workers, **options), record)
            export(task, state, output)


def _provenance(
    network: str, settings: "FlowTrainingSettings", seed: int, fabric: "Fabric"
) -> dict[str, Any]:
    """Provenance of the training."""
    from commonfate.base import provenance
    from commonfate.datasets.sprites import textures
    from commonfate.training.launch import machine

    return provenance.record(
        "train-flow",
        {"network": network, **settings.model_dump(mode="json")},
        [textures.photograph_path(name) for name in textures.PHOTOGRAPHS],
        seed=seed,
        **machine(fabric),
    )
