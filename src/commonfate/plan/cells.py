"""Runs, what is read off them, and the paths of both."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Checkpoint = Literal["last", "best"]
Foreground = Literal["unsupervised", "unsupervised_released", "oracle", "oracle_components"]


@dataclass(frozen=True)
class Scoring:
    """How a number is read off predictions: every choice by which papers and code differ."""

    foreground: Foreground
    """Which segments are the foreground, see `evaluation.foreground`."""
    checkpoint: Checkpoint = "last"
    """`best` is the snapshot of highest J, so it looks at the ground truth."""
    released_frames: bool = False
    """Whether the frames are those that the released code scores."""


SCORINGS: dict[str, Scoring] = {
    "leak_free": Scoring("unsupervised"),
    "oracle": Scoring("oracle"),
    "oracle_components": Scoring("oracle_components"),
    "released": Scoring("oracle", "best", released_frames=True),
    "released_images": Scoring("unsupervised_released", "best", released_frames=True),
}
"""Scorings by name. The last two are those of the released code of Guess What Moves, on videos and
on images, where its published numbers come from."""


@dataclass(frozen=True)
class Run:
    """A method with its settings, its training data and its seed."""

    slug: str
    settings: Any
    datasets: tuple[str, ...]
    """What it learns from, or, where nothing is trained, what its flow is of."""
    split: str
    flow: str
    seed: int

    @property
    def samples(self) -> str:
        """Name of the training samples."""
        return samples_name(self.datasets, self.split, self.flow)


def samples_name(datasets: tuple[str, ...], split: str, flow: str) -> str:
    """Name of the samples of a split of some datasets, `results/samples/{name}`."""
    return f"{'+'.join(datasets)}-{split}-{flow}"


@dataclass(frozen=True)
class Evaluation:
    """One run, scored on one benchmark in one way."""

    run: Run
    benchmark: str
    scoring: str
    protocol: str
    foreground: Foreground
    checkpoint: Checkpoint
    adapt: int = 0
    """Steps of test-time adaptation on each video before it is segmented."""
    crf: bool = False
    """Whether the foreground is refined by a conditional random field."""

    @property
    def variant(self) -> str:
        """How the predictions are made, e.g. `last`, `best.crf`, `last.adapt20`."""
        parts = [self.checkpoint]
        parts += [f"adapt{self.adapt}"] if self.adapt else []
        parts += ["crf"] if self.crf else []
        return ".".join(parts)

    @property
    def predictions(self) -> Path:
        """Folder of the predictions, `results/predictions/{run}/{benchmark}/{variant}`."""
        return Path("results/predictions", self.run.slug, self.benchmark, self.variant)

    @property
    def path(self) -> Path:
        """The scores, `results/evaluations/{run}/{benchmark}/{protocol}...json`."""
        name = f"{self.protocol}.{self.foreground}.{self.variant}.json"
        return Path("results/evaluations", self.run.slug, self.benchmark, name)
