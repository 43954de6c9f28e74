"""`commonfate evaluate`: score predictions by a protocol."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from commonfate.cli import options
from commonfate.evaluation import kinds

if TYPE_CHECKING:
    from commonfate.prediction.predictions import Predictions

log = logging.getLogger(__name__)
EXISTING = click.Path(exists=True, path_type=Path)


@click.command("evaluate")
@click.option(
    "--predictions",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="predictions.json in the folder that `commonfate predict` made.",
)
@click.option("--manifest", required=True, type=EXISTING, help="Manifest of the same dataset.")
@click.option(
    "--protocol",
    required=True,
    metavar="NAME",
    help="Frames and averages: davis, davis_released, davis_official, frame_average, "
    "frame_average_released.",
)
@click.option(
    "--foreground",
    required=True,
    metavar="NAME",
    help="Rule of the scores. "
    + "; ".join(f"For {kind.name}: {', '.join(kind.rules)}" for kind in kinds.of_predictions())
    + ".",
)
@click.option(
    "--frames",
    multiple=True,
    type=EXISTING,
    help="A frame store; with it a sheet (PNG) is drawn beside the scores. Repeatable.",
)
@click.option(
    "--flow", multiple=True, type=EXISTING, help="A flow store, shown in the sheet. Repeatable."
)
@click.option("--scale", help="Scale of the configuration, named below the sheet.")
@options.output(
    "Scores to write (JSON); the masks that were scored go into the folder of the same name."
)
def command(
    predictions: Path,
    manifest: Path,
    protocol: str,
    foreground: str,
    frames: tuple[Path, ...],
    flow: tuple[Path, ...],
    scale: str | None,
    output: Path,
) -> None:
    """Score predictions by a protocol.

    \b
        commonfate evaluate --predictions masks/predictions.json --manifest manifest.parquet \\
            --protocol davis --foreground oracle -o scores.json

    Keeps J of every scored frame, by sequence, and the masks that were scored; J, accuracy,
    F-beta and mIoU of foreground and background over all and by sequence, and, where predictions
    have a soft foreground, the maximum of F-beta over thresholds and the mean absolute error.
    `unsupervised` and `unsupervised_released` choose the foreground without ground truth, `object`
    takes the object that the method names; `oracle` and `oracle_components` look at the ground
    truth. `classes` scores predicted classes: IoU of each, mIoU, accuracy.
    """
    from commonfate.evaluation import protocols
    from commonfate.prediction.predictions import Predictions

    if output.suffix != ".json":
        raise click.UsageError(f"--output {output}: must end in .json")
    if flow and not frames:
        raise click.UsageError("--flow is drawn beside frames: name their stores with --frames")
    opened = Predictions.open(predictions)
    frames_and_mean, kind = protocols.get(protocol), kinds.scoring_predictions(foreground)
    scores = kind.evaluate(opened, manifest, frames_and_mean, foreground, output)
    if frames:
        _draw(scores, opened, manifest, frames, flow, scale, output)
    numbers = {key: scores[key] for key in ("J", "recall", "decay") if key in scores}
    log.info(
        "%s: %s (%d sequences, %d frames; protocol %s, foreground %s)",
        output,
        ", ".join(_text(*number) for number in (numbers | scores["metrics"]).items()),
        *(scores[key] for key in ("n_sequences", "n_frames", "protocol", "foreground")),
    )


def _text(metric: str, value: float) -> str:
    """A score in percent, or, as in the papers, as a fraction."""
    as_fraction = kinds.metric(metric).is_fraction
    return f"{metric} {value:.3f}" if as_fraction else f"{metric} {100 * value:.1f}"


def _draw(
    scores: dict[str, Any],
    predictions: "Predictions",
    manifest: Path,
    frames: tuple[Path, ...],
    flow: tuple[Path, ...],
    scale: str | None,
    output: Path,
) -> None:
    from commonfate.base.gaps import shortest
    from commonfate.evaluation.sheets import sheet
    from commonfate.prediction import benchmark
    from commonfate.prediction.stores import Flow, Frames, gaps

    stored = gaps(flow)
    videos = benchmark.read(manifest, predictions.metadata["split"]).videos
    shown = Flow(flow, shortest(stored)) if stored else None
    masks = output.with_suffix("")
    rows = sheet.of_evaluation(scores, predictions, videos, Frames(frames), masks, shown)
    sheet.draw(output.with_suffix(".png"), rows, sheet.caption(scores, scale))
