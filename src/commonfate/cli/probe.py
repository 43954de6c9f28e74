"""`commonfate probe`: scores of features by the protocols of the field."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from commonfate.base.text import counted
from commonfate.cli import options, probe_images
from commonfate.evaluation.features.run import settings as known_settings

if TYPE_CHECKING:
    import numpy as np

    from commonfate.evaluation.features.run.augmented import Training
    from commonfate.evaluation.features.run.score import Data
    from commonfate.models.encoders import Encoder

log = logging.getLogger(__name__)
FILE = click.Path(dir_okay=False, path_type=Path)
ANY = click.Path(path_type=Path)
SCORINGS = ("leak_free", "released")
OWN = ("labels", "train", "train_labels")
STORED = ("features", "train_features", "train_manifest", "boxes", "flow", "frames")
Reader = Callable[[str, int], "np.ndarray"]


@click.command("probe")
@click.argument("images", nargs=-1, metavar="[IMAGES]...", type=ANY)
@click.option(
    "--protocol",
    "protocols",
    multiple=True,
    required=True,
    type=click.Choice(list(known_settings.PROTOCOLS)),
    help="Repeatable; then -o is a folder.",
)
@click.option(
    "--scoring",
    type=click.Choice(SCORINGS),
    default=SCORINGS[0],
    show_default=True,
    help="Without choices that look at the scored data's truth, or as the authors' released code.",
)
@options.assignments(
    "A setting of the protocols, or of one of them, e.g. epochs=20 or clustering.clusters=100."
)
@click.option("--clip-length", type=click.IntRange(1), help="Frames of a clip, of clustering.")
@click.option(
    "--labels", multiple=True, type=ANY, help="Masks of IMAGES, of the same file names. Repeatable."
)
@click.option("--train", multiple=True, type=ANY, help="Images that are learnt from. Repeatable.")
@click.option("--train-labels", multiple=True, type=ANY, help="Their masks. Repeatable.")
@click.option(
    "--annotation-kind",
    default="classes",
    show_default=True,
    help="Content of the masks: classes, instances, binary, ...; see docs/datasets.md.",
)
@click.option(
    "--encoder",
    metavar="NAME",
    help="Of IMAGES, as of `commonfate features`; with --manifest, for heads that crop their "
    "training images anew in each epoch.",
)
@click.option("--part", help="Network of a file that holds several, e.g. student.")
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Of random weights."
)
@click.option(
    "--view", "view_name", help="Of IMAGES, for all protocols.  [default: each protocol's own]"
)
@click.option("--manifest", type=FILE, help="Videos that are scored, instead of IMAGES.")
@click.option("--features", multiple=True, type=FILE, help="Stores of their features. Repeatable.")
@click.option("--split", default="val", show_default=True, help="Split of --manifest.")
@click.option("--train-manifest", type=FILE, help="Videos learnt from.  [default: --manifest]")
@click.option("--train-features", multiple=True, type=FILE, help="Their features. Repeatable.")
@click.option("--train-split", default="train", show_default=True, help="Their split.")
@click.option("--boxes", type=FILE, help="True boxes (Parquet).  [default: those of the masks]")
@click.option("--flow", multiple=True, type=ANY, help="Flow, of propagation. Repeatable.")
@click.option(
    "--frames",
    multiple=True,
    type=FILE,
    help="Frame stores, with which a sheet is drawn and training images are cropped. Repeatable.",
)
@click.option(
    "--hold-gib",
    type=click.FloatRange(min=0),
    default=2.0,
    show_default=True,
    help="Largest array of tokens that is held in memory; larger ones are read in each pass.",
)
@click.option("--scale", help="Scale of the configuration, named in the sheet.")
@options.device("Where networks, heads and memories are; auto takes a free GPU where there is one.")
@options.threads()
@options.output(
    "Scores to write (.json), with a folder of predictions and a sheet beside; or a folder for "
    "those of several protocols or of IMAGES.",
    folder=None,
)
def command(
    images: tuple[Path, ...],
    protocols: tuple[str, ...],
    scoring: str,
    pairs: tuple[str, ...],
    device: str,
    threads: int | None,
    output: Path,
    **chosen: Any,
) -> None:
    """Score features by the protocols of the field.

    Of your own images and masks, in one command: features are extracted and kept in the folder.

    \b
        commonfate probe images/val --labels masks/val --train images/train \\
            --train-labels masks/train --encoder my_checkpoint.pth \\
            --protocol linear --protocol clustering -o out

    Of a data set, from stores of `commonfate features`:

    \b
        commonfate probe --protocol linear --manifest manifest.parquet --features val.zarr.zip \\
            --train-features train.zarr.zip -o scores.json

    The protocol is printed in full beside its number; docs/features.md lists the protocols.
    """
    _check(images, protocols, output, chosen)
    settings = known_settings.of_pairs(protocols, pairs)
    anew = any(map(known_settings.augments, settings.values()))
    if not images and chosen["encoder"] and not anew:
        raise click.UsageError(
            "--encoder is not for --manifest, unless a head crops its training images anew "
            "(--set augmented=true)"
        )
    import torch

    from commonfate.base.devices import acquire

    if threads:
        torch.set_num_threads(threads)
    if images:
        prepared = probe_images.prepare(images, settings, device, threads, output, chosen)
    else:
        prepared = dict.fromkeys(protocols, _of_stores(protocols, chosen))
    with acquire(device) as acquired:
        encoder = _encoder(str(acquired), chosen) if anew and chosen["encoder"] else None
        for name in protocols:
            data, frames = prepared[name].data, prepared[name].train_frames
            if encoder and frames and known_settings.augments(settings[name]):
                data = replace(data, training=_training(encoder, frames, chosen["frames"]))
            own = known_settings.names_classes(name, pairs)
            ending = "" if scoring == SCORINGS[0] else f".{scoring}"
            file = output if output.suffix == ".json" else output / f"{name}{ending}.json"
            _run(
                name,
                scoring,
                settings[name],
                data,
                prepared[name].frames,
                str(acquired),
                own,
                file,
                chosen["scale"],
            )


def _encoder(device: str, chosen: dict[str, Any]) -> "Encoder":
    """The encoder that sees training images."""
    from commonfate.models.catalogue import encoder_name
    from commonfate.models.encoders import create

    name = encoder_name(chosen["encoder"])
    return create.create(name, chosen["seed"], chosen["part"]).to(device)


def _training(encoder: "Encoder", frames: Reader, paths: Sequence[Path]) -> "Training":
    """Training images and the encoder; its module imports torchvision, which takes seconds."""
    from commonfate.evaluation.features.run.augmented import Training

    return Training(encoder, frames, paths)


def _check(
    images: Sequence[Path], protocols: Sequence[str], output: Path, chosen: dict[str, Any]
) -> None:
    """Refuse options that do not go together."""
    if bool(images) == bool(chosen["manifest"]):
        raise click.UsageError("give either IMAGES, or --manifest and --features")
    unused = [name for name in (STORED if images else OWN) if chosen[name]]
    if unused:
        option = f"--{unused[0].replace('_', '-')}"
        raise click.UsageError(f"{option} is not for {'IMAGES' if images else '--manifest'}")
    if images and not chosen["encoder"]:
        raise click.UsageError("--encoder: name the encoder of the IMAGES")
    if output.suffix == ".json" and (images or len(protocols) > 1):
        raise click.UsageError(f"--output {output}: name a folder, which gets several files")
    if output.suffix != ".json" and output.is_file():
        raise click.UsageError(f"--output {output}: is a file; name a folder, or a file in .json")


def _run(
    name: str,
    scoring: str,
    settings: Any,
    data: "Data",
    frames: Reader | None,
    device: str,
    own_classes: bool,
    output: Path,
    scale: str | None,
) -> None:
    from commonfate.evaluation.features.run import record, score
    from commonfate.evaluation.sheets import features as sheet

    start = time.monotonic()
    outcome, test, _, used = score.score(
        name, settings, data, scoring == "released", device, own_classes
    )
    seconds = time.monotonic() - start
    probed = record.Probed(name, scoring, used, outcome, test, seconds, score.inputs(data))
    content = record.write(probed, output)
    if frames is not None:
        sheet.draw(probed, frames, output.with_suffix(".png"), scale)
    click.echo(f"{output}: {_numbers(content)}\n  {outcome.statement}")
    for note in outcome.result.notes:
        click.echo(f"  Note: {note}.")
    if left := len(content["left_out"]):
        click.echo(
            f"  Left out: {counted(left, 'image or video', 'images or videos')}, see left_out."
        )


def _numbers(content: dict[str, Any]) -> str:
    """Metrics in percent, with their deviations."""
    texts = []
    for metric, value in content["metrics"].items():
        number = "none" if value is None else f"{100 * value:.1f}"
        deviation = content["spread"].get(metric)
        texts.append(f"{metric} {number}" + (f" \u00b1 {100 * deviation:.1f}" if deviation else ""))
    return ", ".join(texts)


def _of_stores(protocols: Sequence[str], chosen: dict[str, Any]) -> probe_images.Prepared:
    """A data set's files, and its frames."""
    from commonfate.evaluation.features.run.parts import Stores, of_manifest
    from commonfate.evaluation.features.run.score import Data
    from commonfate.prediction.stores import Frames

    train = None
    if any(known_settings.PROTOCOLS[name].fits for name in protocols):
        manifest = chosen["train_manifest"] or chosen["manifest"]
        if chosen["train_features"] or chosen["encoder"]:
            train = of_manifest(manifest, chosen["train_split"])
    data = Data(
        of_manifest(chosen["manifest"], chosen["split"]),
        Stores(chosen["features"]),
        train,
        Stores(chosen["train_features"], "--train-features") if train else None,
        chosen["boxes"],
        chosen["flow"],
        chosen["clip_length"],
        int(chosen["hold_gib"] * 2**30),
    )
    frames = Frames(chosen["frames"]).read if chosen["frames"] else None
    return probe_images.Prepared(data, frames, frames)
