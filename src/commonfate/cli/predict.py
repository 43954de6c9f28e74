"""`commonfate predict`: segment the annotated frames of a benchmark."""

import logging
from pathlib import Path
from typing import Any

import click

from commonfate.errors import ConfigError

log = logging.getLogger(__name__)
EXISTING = click.Path(exists=True, path_type=Path)


@click.command("predict")
@click.option("--manifest", required=True, type=EXISTING, help="Manifest of the dataset.")
@click.option(
    "--frames", multiple=True, required=True, type=EXISTING, help="A frame store. Repeatable."
)
@click.option(
    "--flow",
    multiple=True,
    type=EXISTING,
    help="A flow store, for methods that look at flow. Repeatable.",
)
@click.option("--method", help="Name of the method; a run knows its own.")
@click.option(
    "--set",
    "pairs",
    multiple=True,
    metavar="KEY=VALUE",
    help="A setting of the method; with --run, a change of what it was trained with. Repeatable.",
)
@click.option(
    "--run",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of the trained run, for methods that are trained.",
)
@click.option(
    "--checkpoint",
    type=click.Choice(["last", "best"]),
    default="last",
    show_default=True,
    help="Weights to use. `best` scores every snapshot: it looks at the ground truth.",
)
@click.option(
    "--protocol",
    default="davis",
    show_default=True,
    help="Protocol by which --checkpoint best chooses.",
)
@click.option("--split", default="val", show_default=True, help="Split to segment, or `all`.")
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Where the network runs; methods without one run on the CPU.",
)
@click.option("--threads", type=click.IntRange(min=1), help="CPU threads. [default: all cores]")
@click.option(
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder to make: components/, groups/ and predictions.json.",
)
def command(**options: Any) -> None:
    """Segment the annotated frames of a benchmark.

    Writes label maps at the annotations' size, of components and of the groups into which they are
    merged; which of them is the foreground is decided by `commonfate evaluate`.
    """
    import torch

    from commonfate import devices
    from commonfate.evaluation import predict, runs

    run, method = options["run"], options["method"]
    if run is not None:
        settings = runs.settings_of_run(run, method, options["pairs"])
    elif method is not None:
        settings = runs.settings_of_method(method, options["pairs"])
    else:
        raise click.UsageError("give --method, or --run with a trained run")
    _check(settings, options)
    predict.check_output(options["output"])
    if options["threads"]:
        torch.set_num_threads(options["threads"])
    with devices.acquire(options["device"] if settings.trained else "cpu") as device:
        _predict(settings, device, options)


def _check(settings: Any, options: dict[str, Any]) -> None:
    """Refuse options that contradict the method."""
    name, run = settings.method, options["run"]
    if settings.trained and run is None:
        raise ConfigError(f"--method {name}: has to be trained; name the trained run with --run")
    if not settings.trained and run is not None:
        raise ConfigError(f"--run {run}: method {name} is not trained; leave --run out")
    if not settings.trained and options["checkpoint"] == "best":
        raise ConfigError(f"--checkpoint best: method {name} is not trained; leave it out")
    if settings.reads_flow and not options["flow"]:
        raise ConfigError(f"--method {name}: looks at flow; name its stores with --flow")


def _predict(settings: Any, device: str, options: dict[str, Any]) -> None:
    from commonfate import methods
    from commonfate.evaluation import benchmark, predict, protocols, runs
    from commonfate.evaluation.stores import Flow, Frames

    protocol = protocols.get(options["protocol"])
    task = predict.Task(
        benchmark.read(options["manifest"], options["split"]),
        Frames(options["frames"]),
        Flow(options["flow"], settings.gap) if settings.reads_flow else None,
    )
    method = methods.create(settings)
    network = runs.NO_NETWORK
    if settings.trained:
        which = options["checkpoint"]
        network = runs.load(options["run"], which, method, task, protocol, device)
    facts = network.facts | _sources(settings, device, network.weights, options)
    predict.write(options["output"], method, network.model, task, facts)


def _sources(
    settings: Any, device: str, weights: Path | None, options: dict[str, Any]
) -> dict[str, Any]:
    """What predictions.json says of where the predictions come from."""
    from commonfate import provenance
    from commonfate.evaluation import predict

    flow = options["flow"] if settings.reads_flow else ()
    inputs = [options["manifest"], *options["frames"], *flow, *([weights] if weights else [])]
    files = [
        file
        for path in inputs
        for file in (sorted(path.rglob("*")) if path.is_dir() else [path])
        if file.is_file()
    ]
    name = predict.device_name(device)
    told = {key: options[key] for key in ("split", "checkpoint", "protocol")}
    return {
        "split": options["split"],
        "device": name,
        "provenance": provenance.record(
            "predict", settings.model_dump(mode="json") | told, files, device=name
        ),
    }
