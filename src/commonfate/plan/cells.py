"""Runs, what is read off them, and the paths of both."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from commonfate.evaluation.kinds.base import Checkpoint
from commonfate.samples.kinds import KINDS


@dataclass(frozen=True)
class Run:
    """A method with its settings, its training data and its seed."""

    slug: str
    settings: Any
    datasets: tuple[str, ...]
    """What it learns from, or, where nothing is trained, what its flow is of."""
    split: str
    flow: str | None
    """The flow source that it learns from or looks at; None if there is neither."""
    seed: int | None
    """Of its training; None where nothing is trained, so that all seeds share what is measured."""
    start: "Run | None" = None
    """The run whose weights it starts from."""
    twin: "Run | None" = None
    """The run whose weights it has, where it differs in nothing that training reads; None if it is
    trained itself."""
    results: Path = Path("results")
    """Folder of all products of the scale."""

    @property
    def lineage(self) -> tuple["Run", ...]:
        """The runs whose weights it has or starts from, the first one first, and itself."""
        before = self.twin or self.start
        return (*before.lineage, self) if before else (self,)

    @property
    def samples(self) -> str:
        """Name of the training samples."""
        return self.samples_of(self.datasets, self.split)

    def samples_of(self, datasets: tuple[str, ...], split: str) -> str:
        """Name of the samples of a split of some datasets that it can learn from.

        They lie in `results/samples/{name}`; the name ends in the flow source, or in that of the
        kind of sample.
        """
        kind = KINDS[self.settings.learns_from]
        source = self.flow if kind.has_flow else kind.name
        return f"{'+'.join(datasets)}-{split}-{source}"

    @property
    def folder(self) -> Path:
        """Where its weights lie, `results/runs/{run}`."""
        return self.results / "runs" / (self.twin or self).slug

    @property
    def checkpoint(self) -> Path:
        """Its weights, `results/runs/{run}/checkpoint.pt`."""
        return self.folder / "checkpoint.pt"


@dataclass(frozen=True)
class Evaluation:
    """One run, scored on one benchmark in one way."""

    run: Run
    benchmark: str
    scoring: str
    protocol: str
    foreground: str
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
        """Folder of the predictions, `results/predictions/{run}/{benchmark}/{prediction}`."""
        name = prediction(self.variant, self.protocol, self.foreground)
        return self.run.results / "predictions" / self.run.slug / self.benchmark / name

    @property
    def path(self) -> Path:
        """The scores, `results/evaluations/{run}/{benchmark}/{protocol}...json`."""
        name = f"{self.protocol}.{self.foreground}.{self.variant}.json"
        return self.run.results / "evaluations" / self.run.slug / self.benchmark / name


def prediction(variant: str, protocol: str, foreground: str) -> str:
    """Name of the predictions that an evaluation scores, e.g. `last`, `best.davis.oracle.crf`.

    The best snapshot is the best by the frames and the foreground that score it; evaluations that
    differ in them have predictions of their own.
    """
    checkpoint, *others = variant.split(".")
    chosen_by = (protocol, foreground) if checkpoint == "best" else ()
    return ".".join((checkpoint, *chosen_by, *others))
