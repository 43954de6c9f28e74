"""Foregrounds of real videos without labels: each step of `commonfate segment`, and its peers.

    python benchmarks/real_segments.py
    python benchmarks/real_segments.py --sequence dog --sequence libby --seeds 0

J of the eight DAVIS sequences in --data, mean over all frames of a sequence at full size, and the
mean of the sequences. `better` scores the mask or its complement, by frame, as published protocols
do that choose the better of two groups. Seconds of processor time a frame are those of the whole
way, from frames of --short-side in memory to masks of that size, one thread.

Rows: `residual flow` is the headline's baseline (one gap, affine, Otsu), on the same frames;
`motion` the evidence of both directions after a quadratic fit, averaged along the flow, cut at
Otsu's threshold; `cut` its cut chosen by edges; `camera` the same, or past the epipolar geometry,
as edges say; `fast`, `good` and `best` the qualities, the last the mean over seeds (and its
standard error over them), a network a video. Nothing else is drawn at random.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import click
import cv2
import numpy as np
import real_data
from tabulate import tabulate

from commonfate.flow.settings import FlowSource
from commonfate.foreground import appearance, flows, shot, student
from commonfate.foreground.settings import silent
from commonfate.methods.residual_flow.method import ResidualFlow
from commonfate.methods.residual_flow.settings import ResidualFlowSettings
from commonfate.segmentation import learned, own
from commonfate.segmentation.settings import SegmentSettings

SHARED = Path(__file__).resolve().parents[2] / "shared/data"
DIS = FlowSource(estimator="dis")
SETTINGS = SegmentSettings(quality="best")
STEPS = SETTINGS.training_steps


def residual_flow(frames: np.ndarray) -> np.ndarray:
    """The baseline of the headline, by the flow to the next frame."""
    method = ResidualFlow(ResidualFlowSettings())
    flow = flows.Flows(frames, DIS).of_gaps([1, -1], silent)
    flow[1][-1] = flow[-1][-1]  # the last frame has no next one
    masks = [method.predict(None, f, v).components[1] for f, v in zip(frames, flow[1], strict=True)]
    return np.stack([np.asarray(mask, np.float32) for mask in masks])


def ladder(frames: np.ndarray, tools: shot.Tools, seeds: int) -> Iterator[tuple[str, np.ndarray]]:
    """Name of each step, and its foreground (T, h, w), cut at one half; later steps need earlier.

    A sequence in which nothing moves would have no steps.
    """
    gathered = shot.evidence_of(frames, tools, silent)
    yield "motion", gathered[0].map
    colours = appearance.colours_of(frames)
    plain = shot.by_motion(gathered[:1], colours)
    assert plain is not None
    yield "cut", plain.probability
    cut = shot.by_motion(gathered, colours)
    assert cut is not None
    yield "camera", cut.probability
    yield "fast", shot.finished(cut.probability, frames)
    trust = gathered[0].weight
    tokens = appearance.tokens_of(frames, tools.encoder, tools.device, silent)
    look = appearance.of_tokens(frames, tokens)
    probability, reason = shot.with_appearance(cut, trust, look, tools.device, silent)
    good = shot.finished(probability, frames)
    click.echo(f"  {reason}, gap {gathered[0].gap}", err=True)
    yield "good", good
    if seeds:
        drafted = shot.Draft(probability, reason, gathered[0].gap, trust)
        taught = student.lessons(frames, tokens, probability, good, trust)
    for seed in range(seeds):
        network = student.train(taught, STEPS, seed, tools.device, silent)
        seen = student.predict(network, frames, tokens, tools.device)
        yield f"best {seed}", learned.better(drafted, seen, frames, tokens).probability


@dataclass
class Scores:
    """J and better J of each sequence, percent; processor seconds and frames together."""

    leak_free: list[float] = field(default_factory=list)
    better: list[float] = field(default_factory=list)
    seconds: float = 0
    frames: int = 0

    def add(self, probability: np.ndarray, truth: list[np.ndarray], seconds: float) -> None:
        """Add a sequence: (T, h, w) cut at one half, and masks (H, W) of all frames."""
        pairs = []
        for mask, true in zip(probability, truth, strict=True):
            size = true.shape[::-1]
            large = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_LINEAR) > 0.5
            pairs.append((overlap(large, true > 0), overlap(~large, true > 0)))
        self.leak_free.append(100 * float(np.mean([inside for inside, _ in pairs])))
        self.better.append(100 * float(np.mean([max(pair) for pair in pairs])))
        self.seconds += seconds
        self.frames += len(pairs)

    def means(self) -> tuple[str, str, str]:
        """J, better J, and seconds a frame."""
        averages = f"{np.mean(self.leak_free):.1f}", f"{np.mean(self.better):.1f}"
        return *averages, f"{self.seconds / self.frames:.2f}"


def overlap(mask: np.ndarray, truth: np.ndarray) -> float:
    """Intersection by union; 1 if both are empty."""
    union = (mask | truth).sum()
    return float((mask & truth).sum() / union) if union else 1.0


@click.command(help=__doc__.splitlines()[0])
@click.option("--data", type=click.Path(path_type=Path), default=SHARED, help="folder of the data")
@click.option("--sequence", "sequences", multiple=True, help="only these sequences")
@click.option("--seeds", default=3, help="of quality best; 0 leaves it out")
@click.option("--short-side", default=SETTINGS.short_side, help="of the frames, pixels")
@click.option("--threads", default=1, help="threads of torch and OpenCV")
def main(data: Path, sequences: tuple[str, ...], seeds: int, short_side: int, threads: int) -> None:
    """Print a table: a row a way, a column a sequence."""
    import torch

    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    tools = own.tools_of(SETTINGS, "cpu")
    scores: dict[str, Scores] = {}
    names = []
    for sequence, images in real_data.davis(data, None):
        if sequences and sequence not in sequences:
            continue
        click.echo(sequence, err=True)
        names.append(sequence)
        frames = np.stack([real_data.resized(image, short_side, 1) for image in images.frames])
        began = time.process_time()
        baseline = residual_flow(frames)
        spent = time.process_time() - began
        scores.setdefault("residual flow", Scores()).add(baseline, images.truth, spent)
        spent, began, trained = 0.0, time.process_time(), 0.0
        for name, probability in ladder(frames, tools, seeds):
            step = time.process_time() - began
            # Networks of other seeds are not part of the way to this one.
            spent, trained = (spent, step) if name.startswith("best") else (spent + step, 0.0)
            scores.setdefault(name, Scores()).add(probability, images.truth, spent + trained)
            began = time.process_time()
    click.echo(
        tabulate(
            list(_rows(scores, seeds)),
            ("", *names, "J", "better", "s a frame"),
            tablefmt="github",
            disable_numparse=True,
        )
    )


def _rows(scores: dict[str, Scores], seeds: int) -> Iterator[tuple[str, ...]]:
    """Lines of the table; seeds of `best` together."""
    for name, score in scores.items():
        if not name.startswith("best"):
            yield name, *(f"{j:.1f}" for j in score.leak_free), *score.means()
    if of_seeds := [scores[f"best {seed}"] for seed in range(seeds)]:
        each = np.array([score.leak_free for score in of_seeds])
        means = each.mean(1)
        error = f" ± {means.std(ddof=1) / len(means) ** 0.5:.1f}" if len(means) > 1 else ""
        _, better, seconds = of_seeds[0].means()
        columns = (f"{j:.1f}" for j in each.mean(0))
        yield "best", *columns, f"{means.mean():.1f}{error}", better, seconds


if __name__ == "__main__":
    main()
