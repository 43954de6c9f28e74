"""`commonfate evaluate`: score predictions by a protocol."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from commonfate.evaluation.predictions import Predictions

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
    help="Frames and averages: davis, davis_released, davis_official, frame_average.",
)
@click.option(
    "--foreground",
    required=True,
    metavar="NAME",
    help="How the foreground is chosen: unsupervised, oracle, oracle_components.",
)
@click.option(
    "--frames",
    multiple=True,
    type=EXISTING,
    help="A frame store; with it a contact sheet (PNG) is drawn beside the scores. Repeatable.",
)
@click.option(
    "--output",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Scores to write (JSON); the foreground masks go into the folder of the same name.",
)
def command(
    predictions: Path,
    manifest: Path,
    protocol: str,
    foreground: str,
    frames: tuple[Path, ...],
    output: Path,
) -> None:
    """Score predictions by a protocol.

    Keeps J of every scored frame, by sequence, and the masks that were scored. `unsupervised`
    chooses the foreground without ground truth; `oracle` and `oracle_components` look at it.
    """
    from commonfate.evaluation import foreground as foregrounds
    from commonfate.evaluation import protocols, score
    from commonfate.evaluation.predictions import Predictions

    if output.suffix != ".json":
        raise click.UsageError(f"--output {output}: must end in .json")
    opened = Predictions.open(predictions)
    chosen = protocols.get(protocol), foregrounds.get(foreground)
    scores = score.evaluate(opened, manifest, *chosen, output)
    if frames:
        _draw(scores, opened, manifest, frames, output)
    log.info(
        "%s: J %.1f, recall %.1f, decay %.1f (%d sequences, %d frames; protocol %s, foreground %s)",
        output,
        *(100 * scores[key] for key in ("J", "recall", "decay")),
        *(scores[key] for key in ("n_sequences", "n_frames", "protocol", "foreground")),
    )


def _draw(
    scores: dict[str, Any],
    predictions: "Predictions",
    manifest: Path,
    frames: tuple[Path, ...],
    output: Path,
) -> None:
    from commonfate.evaluation import benchmark, sheet
    from commonfate.evaluation.stores import Frames

    videos = benchmark.read(manifest, predictions.facts["split"]).videos
    masks = output.with_suffix("")
    columns = sheet.of_evaluation(scores, predictions, videos, Frames(frames), masks)
    sheet.draw(output.with_suffix(".png"), columns, _caption(scores))


def _caption(scores: dict[str, Any]) -> str:
    best = ", best checkpoint" if scores["checkpoint"] == "best" else ""
    looks = scores["checkpoint_looks_at_ground_truth"] or scores["foreground_looks_at_ground_truth"]
    return (
        f"{scores['run'] or scores['method']}{best}: J {100 * scores['J']:.1f}, protocol "
        f"{scores['protocol']}, foreground {scores['foreground']}"
        f"{' (looks at the ground truth)' if looks else ''}. "
        f"Left: sequence of highest J, right: of lowest"
    )
