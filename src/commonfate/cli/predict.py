"""`commonfate predict`: segment the frames of a benchmark, or of any videos."""

from functools import partial
from pathlib import Path
from typing import Any

import click

from commonfate.base.errors import ConfigError
from commonfate.cli import options
from commonfate.cli.predict_options import EXISTING, check, task_options

RECORDED = {
    "split": "split",
    "checkpoint": "checkpoint",
    "adapt_steps": "adapt_steps",
    "resolution": "resolution",
    "crop": "frame_crop",
    "frames_of": "frames_of",
}
"""Options in the provenance, beside the method's settings, and their names there."""


@click.command("predict")
@click.option("--manifest", required=True, type=EXISTING, help="Manifest of the dataset.")
@click.option(
    "--frames", multiple=True, required=True, type=EXISTING, help="A frame store. Repeatable."
)
@click.option(
    "--flow",
    multiple=True,
    type=EXISTING,
    help="A flow store, for methods that read flow. Repeatable.",
)
@click.option("--method", help="Name of the method; not needed with --run.")
@options.assignments("A setting of the method; with --run, a change of the trained settings.")
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
    help="Weights to use. `best` scores every snapshot against the ground truth.",
)
@click.option(
    "--protocol",
    default="davis",
    show_default=True,
    help="Protocol by which `--checkpoint best` chooses.",
)
@click.option(
    "--foreground",
    help="Foreground by which `--checkpoint best` chooses, as in `commonfate evaluate`.  [default: "
    "that of the method, or oracle]",
)
@click.option("--split", default="val", show_default=True, help="Split to segment, or `all`.")
@options.device()
@task_options
@options.threads("--workers")
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Processes that share the videos; the result does not depend on it.",
)
@options.output(
    "Folder to make: components/, groups/, foreground/ and predictions.json.", folder=True
)
def command(**options: Any) -> None:
    """Segment the frames of a benchmark or, with `--frames-of all`, of any videos.

    \b
        commonfate predict --manifest manifest.parquet --frames 0000.zarr.zip --run run \\
            --split all --frames-of all -o masks

    Writes label maps of components, and of the groups into which they are merged, at the size of
    the annotations. If there are two groups, also the probability of the second is written;
    `commonfate evaluate` decides which is the foreground. After a kill the same command continues
    with the unfinished videos.
    """
    import torch

    from commonfate.base import devices
    from commonfate.prediction import predict, runs

    run, method = options["run"], options["method"]
    if run is not None:
        settings = runs.settings_of_run(run, method, options["pairs"])
    elif method is not None:
        settings = runs.settings_of_method(method, options["pairs"])
    else:
        raise click.UsageError("give --method, or --run with a trained run")
    check(settings, options)
    if settings.reads_flow:
        settings = _resolved(settings, options["flow"])
    predict.check_output(options["output"])
    if options["threads"] or options["workers"] > 1:
        threads = options["threads"] or torch.get_num_threads()
        options["threads"] = max(1, threads // options["workers"])  # in each process
        torch.set_num_threads(options["threads"])
    with devices.acquire(options["device"] if settings.trained else "cpu") as device:
        _predict(settings, device, options)


def _resolved(settings: Any, flow: tuple[Path, ...]) -> Any:
    """Fill in the settings that depend on the stored gaps."""
    from commonfate.prediction import stores

    gaps = stores.gaps(flow)
    if not gaps:
        raise ConfigError(f"--flow {', '.join(map(str, flow))}: no video has flow there")
    try:
        return settings.resolved(gaps)
    except ValueError as error:
        raise ConfigError(f"--set {error}") from None


def _predict(settings: Any, device: str, options: dict[str, Any]) -> None:
    from commonfate import methods
    from commonfate.evaluation import protocols
    from commonfate.evaluation.snapshots import Choice, choose_best
    from commonfate.methods.base import TrainedMethod
    from commonfate.prediction import predict, runs
    from commonfate.prediction.video_workers import Work

    choice = Choice(protocols.get(options["protocol"]), options["foreground"])
    task = _task(settings, options)
    method = methods.create_segmenting(settings)
    adapting = _adapting(task, options)
    network = runs.NO_NETWORK
    if isinstance(method, TrainedMethod):
        best = partial(choose_best, task=task, choice=choice)
        choose = best if options["checkpoint"] == "best" else None
        network = runs.load(options["run"], method, device, choose)
    work = Work(method, network.weights, task, device, options["threads"], adapting)
    entries = network.metadata | _inputs(settings, device, work, options)
    predict.write(options["output"], work, entries, options["workers"], network.model)


def _task(settings: Any, options: dict[str, Any]) -> Any:
    """Task of the prediction: benchmark, stores and options."""
    from commonfate.base.settings import from_pairs
    from commonfate.prediction import benchmark
    from commonfate.prediction.crf import CrfSettings
    from commonfate.prediction.segmenting import FrameOptions, Task
    from commonfate.prediction.stores import Flow, Frames

    crf = from_pairs(CrfSettings, options["crf_pairs"], "--crf-set") if options["crf"] else None
    read = benchmark.read_whole if options["frames_of"] == "all" else benchmark.read
    return Task(
        read(options["manifest"], options["split"]),
        Frames(options["frames"]),
        Flow(options["flow"], settings.gap) if settings.reads_flow else None,
        FrameOptions(options["resolution"], options["crop"], crf, options["frames_of"]),
    )


def _adapting(task: Any, options: dict[str, Any]) -> Any:
    """Adaptation of the network to each video; None without --adapt-steps."""
    if not options["adapt_steps"]:
        return None
    from commonfate.prediction import adaptation

    names = [video.name for video in task.benchmark.videos]
    samples = adaptation.read_samples(options["index"], names, options["frames"])
    return adaptation.AdaptationOptions(samples, options["adapt_steps"], options["seed"])


def _inputs(settings: Any, device: str, work: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Entries of predictions.json about the inputs, with their provenance."""
    from commonfate.base import provenance
    from commonfate.prediction import predict

    flow = options["flow"] if settings.reads_flow else ()
    optional = (options["index"], work.weights, work.method.feature_file())
    single = [path for path in optional if path is not None]
    files = [
        file
        for path in (options["manifest"], *options["frames"], *flow, *single)
        for file in (sorted(path.rglob("*")) if path.is_dir() else [path])
        if file.is_file()
    ]
    name = predict.device_name(device)
    recorded = {name: options[key] for key, name in RECORDED.items()}
    if options["checkpoint"] == "best":
        recorded |= {f"best_{key}": options[key] for key in ("protocol", "foreground")}
    recorded["crf"] = work.task.options.crf and work.task.options.crf.model_dump(mode="json")
    recorded["adapt_seed"] = work.adapting and work.adapting.seed
    return {
        "split": options["split"],
        "device": name,
        "provenance": provenance.record(
            "predict",
            settings.model_dump(mode="json") | recorded,
            files,
            device=name,
            contents=work.task.frames.digest(video.name for video in work.task.benchmark.videos),
        ),
    }
