"""Evaluations as a table reads them."""

import json
import math
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from commonfate.base.errors import StoreError, UserError
from commonfate.base.text import counted
from commonfate.evaluation.settings import BenchmarkConfig
from commonfate.plan import Evaluation
from commonfate.tables.quantities import Numbers

KEYS = (
    "metrics",
    "average",
    "sequences",
    "excluded_frames",
    "n_frames",
    "description",
    "seconds_per_frame",
    "left_out",
    "provenance",
)
"""Keys that every file of scores has."""


@dataclass(frozen=True)
class Scores:
    """An evaluation of the plan with its scores."""

    planned: Evaluation
    content: Mapping[str, Any]
    """The JSON that `commonfate evaluate` wrote."""
    benchmark: BenchmarkConfig
    """The benchmark that was scored, `planned.benchmark` by name."""

    @property
    def path(self) -> str:
        """The file, as a record of provenance names it."""
        return str(self.planned.path)

    @property
    def seed(self) -> int | None:
        """Seed of the training; None where nothing is trained."""
        return self.planned.run.seed

    def by_seed(self, repeats: Iterable[float | None]) -> dict[int, float]:
        """Numbers of repeats of the evaluation by their seed, without those that are missing.

        The first has the seed of the protocol's settings, the next have the next.
        """
        first = self.content.get("settings", {}).get("seed", 0)
        return {seed: value for seed, value in enumerate(repeats, first) if value is not None}

    @property
    def annotated(self) -> int:
        """Number of frames with ground truth, those included that the protocol excludes."""
        excluded = self.content["excluded_frames"].values()
        return self.content["n_frames"] + sum(len(frames) for frames in excluded)

    @property
    def scored(self) -> dict[str, list[str]]:
        """The scored frames, by sequence."""
        sequences = self.content["sequences"].items()
        return {name: sorted(sequence["frames"]) for name, sequence in sequences}

    @property
    def size(self) -> str:
        """Number of scored sequences and frames, or of images, in words."""
        sequences, frames = len(self.content["sequences"]), self.content["n_frames"]
        images = all(len(frames) == 1 for frames in self.scored.values())
        if images:
            return counted(frames, "image")
        return f"{counted(sequences, 'sequence')}, {counted(frames, 'frame')}"


@dataclass(frozen=True)
class Cell:
    """A row's evaluations on one benchmark in one scoring, one a seed."""

    each: tuple[Scores, ...]
    """By seed; a single one where nothing is trained."""

    @property
    def planned(self) -> Evaluation:
        """The evaluation of the first seed; the others differ from it in their runs alone."""
        return self.each[0].planned

    @property
    def first(self) -> Scores:
        """Scores of the first seed: data, frames and network are the same for all."""
        return self.each[0]

    @property
    def seeds(self) -> list[int]:
        """Seeds of the trainings; empty where nothing is trained."""
        return [scores.seed for scores in self.each if scores.seed is not None]

    def numbers(
        self,
        read: Callable[[Scores], float | None],
        repeats: Callable[[Scores], Iterable[float | None]] = lambda scores: (),
    ) -> Numbers | None:
        """One number of each seed; None if no seed has a finite one.

        Args:
            read: takes the number from the scores of a seed.
            repeats: takes the numbers that it is the mean of, if the evaluation is repeated.
        """
        values = {scores.seed: read(scores) for scores in self.each}
        finite = {
            seed: value
            for seed, value in values.items()
            if value is not None and math.isfinite(value)
        }
        repeated = {
            scores.seed: draws
            for scores in self.each
            if scores.seed in finite and (draws := scores.by_seed(repeats(scores)))
        }
        return Numbers(finite, repeated) if finite else None

    def of(self, metric: str) -> Numbers | None:
        """A metric, with its repeats; None where it could not be measured."""
        return self.numbers(
            lambda scores: scores.content["metrics"].get(metric),
            lambda scores: (each.get(metric) for each in scores.content.get("repeats", ())),
        )


def by_cell(read: Iterable[Scores]) -> list[Cell]:
    """Group the evaluations of one row by cell.

    Args:
        read: ordered by benchmark, then scoring, then seed.
    """
    groups = groupby(read, key=lambda scores: (scores.planned.column, scores.planned.scoring))
    return [Cell(tuple(group)) for _, group in groups]


def by_metric(cells: list[Cell]) -> Iterator[tuple[Cell, str]]:
    """Pairs of cell and metric, ordered by benchmark, then metric, then scoring."""
    for benchmark in dict.fromkeys(cell.planned.column for cell in cells):
        of_benchmark = [cell for cell in cells if cell.planned.column == benchmark]
        for metric in of_benchmark[0].first.benchmark.metrics:
            yield from ((cell, metric) for cell in of_benchmark)


def read(planned: Evaluation, benchmark: BenchmarkConfig) -> Scores:
    """Read one evaluation.

    Raises:
        UserError: it has not been made yet.
        StoreError: it is no file of `commonfate evaluate`.
    """
    path = Path(planned.path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        missing = [key for key in KEYS if key not in content]
    except FileNotFoundError:
        raise UserError(
            f"{path}: missing; make it with: snakemake --cores 2 {shlex.quote(str(path))} "
            "(and the --configfile of the scale)"
        ) from None
    except (OSError, ValueError, TypeError) as error:
        raise StoreError(
            f"{path}: cannot be read ({error}); delete it and run the same command again"
        ) from error
    if missing:
        raise StoreError(
            f"{path}: has no {missing[0]!r}; delete it and run commonfate evaluate again"
        )
    return Scores(planned, content, benchmark)


def check_same_frames(first: Scores, second: Scores) -> None:
    """Refuse scores of one column that were computed on different frames.

    Scorings of different protocols may differ in their frames, methods of one scoring may not.

    Raises:
        UserError: the two differ in their sequences or frames.
    """
    if first.scored != second.scored:
        raise UserError(
            f"{second.path}: scored on other frames than {first.path}, so the two cannot stand in "
            f"one table; delete both and run the same command again"
        )
