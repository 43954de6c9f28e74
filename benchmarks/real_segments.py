"""Foregrounds of real videos without labels: each step of `commonfate segment`, and its peers.

    python benchmarks/real_segments.py
    python benchmarks/real_segments.py --sequence dog --sequence libby --without good

J of the eight DAVIS sequences in --data, mean over all frames of a sequence at full size, and the
mean of the sequences. `better` scores the mask or its complement, by frame, as published protocols
do that choose the better of two groups. Seconds of processor time a frame are those of the whole
way, frames of a short side of 240 pixels in memory to masks of that size, one thread.

Rows: `residual flow` is the headline's baseline (one gap, affine, Otsu), on the same frames;
`motion` the evidence of both directions after a quadratic fit, averaged along the flow, cut at
Otsu's threshold; `choice` its cut chosen by edges; `fast` and `good` the qualities. Nothing is
drawn at random.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import click
import cv2
import numpy as np
import real_data
from tabulate import tabulate

from commonfate.flow.settings import FlowSource
from commonfate.foreground import appearance, flows, motion, shot
from commonfate.methods.residual_flow.method import ResidualFlow
from commonfate.methods.residual_flow.settings import ResidualFlowSettings
from commonfate.segmentation import own
from commonfate.segmentation.settings import SegmentSettings

SHARED = Path(__file__).resolve().parents[2] / "shared/data"
DIS, FINEST = FlowSource(estimator="dis"), FlowSource(estimator="dis", preset="finest")


def residual_flow(frames: np.ndarray) -> np.ndarray:
    """The baseline of the headline, by the flow to the next frame."""
    method = ResidualFlow(ResidualFlowSettings())
    flow = flows.Flows(frames, DIS).of_gaps([1, -1], silent)
    flow[1][-1] = flow[-1][-1]  # the last frame has no next one
    masks = [method.predict(None, f, v).components[1] for f, v in zip(frames, flow[1], strict=True)]
    return np.stack([np.asarray(mask, np.float32) for mask in masks])


def moving(frames: np.ndarray) -> motion.Evidence:
    """Evidence of motion."""
    estimated = flows.Flows(frames, FINEST)
    gap = flows.suitable_gap(estimated)
    flow = estimated.of_gaps(sorted({1, -1, gap, -gap}), silent)
    return motion.gather(flow, gap)[0]


def chosen_cut(frames: np.ndarray) -> np.ndarray:
    """Evidence of motion, cut where edges are."""
    cut = shot.by_motion([moving(frames)], appearance.colours_of(frames))
    return cut.probability if cut else np.zeros(frames.shape[:3], np.float32)


def of_quality(quality: str) -> Callable[[np.ndarray], np.ndarray]:
    """A quality of the verb."""
    tools = own.tools_of(SegmentSettings.model_validate({"quality": quality}), "cpu")

    def segmented(frames: np.ndarray) -> np.ndarray:
        foreground = shot.segment(frames, tools, silent)
        click.echo(f"  {quality}: {foreground.reason}, gap {foreground.gap}", err=True)
        return foreground.probability

    return segmented


def silent(items: Iterable, description: str, total: int) -> Iterable:
    """Steps without a display of their progress."""
    return items


WAYS: dict[str, Callable[[], Callable[[np.ndarray], np.ndarray]]] = {
    "residual flow": lambda: residual_flow,
    "motion": lambda: lambda frames: moving(frames).map,
    "choice": lambda: chosen_cut,
    "fast": lambda: of_quality("fast"),
    "good": lambda: of_quality("good"),
}


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


def overlap(mask: np.ndarray, truth: np.ndarray) -> float:
    """Intersection by union; 1 if both are empty."""
    union = (mask | truth).sum()
    return float((mask & truth).sum() / union) if union else 1.0


@click.command(help=__doc__.splitlines()[0])
@click.option("--data", type=click.Path(path_type=Path), default=SHARED, help="folder of the data")
@click.option("--sequence", "sequences", multiple=True, help="only these sequences")
@click.option("--without", multiple=True, type=click.Choice(list(WAYS)), help="not this row")
@click.option("--short-side", default=240, help="of the frames, pixels")
@click.option("--threads", default=1, help="threads of torch and OpenCV")
def main(
    data: Path, sequences: tuple[str, ...], without: tuple[str, ...], short_side: int, threads: int
) -> None:
    """Print a table: a row a way, a column a sequence."""
    import torch

    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    ways = {name: make() for name, make in WAYS.items() if name not in without}
    scores = {name: Scores() for name in ways}
    names = []
    for sequence, images in real_data.davis(data, None):
        if sequences and sequence not in sequences:
            continue
        click.echo(sequence, err=True)
        names.append(sequence)
        frames = np.stack([real_data.resized(image, short_side, 1) for image in images.frames])
        for name, way in ways.items():
            began = time.process_time()
            scores[name].add(way(frames), images.truth, time.process_time() - began)
    rows = [
        (
            name,
            *(f"{value:.1f}" for value in score.leak_free),
            f"{np.mean(score.leak_free):.1f}",
            f"{np.mean(score.better):.1f}",
            f"{score.seconds / score.frames:.2f}",
        )
        for name, score in scores.items()
    ]
    headers = ("", *names, "J", "better", "s a frame")
    click.echo(tabulate(rows, headers, tablefmt="github", disable_numparse=True))


if __name__ == "__main__":
    main()
