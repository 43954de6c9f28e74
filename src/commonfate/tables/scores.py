"""Evaluations as a table reads them."""

import json
import math
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from commonfate.base.errors import StoreError, UserError
from commonfate.plan import Evaluation, RowDeclaration
from commonfate.tables.seeds import Numbers

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


@dataclass(frozen=True)
class Scores:
    """An evaluation of the plan with what `commonfate evaluate` found."""

    planned: Evaluation
    facts: Mapping[str, Any]

    @property
    def path(self) -> str:
        """The file, as a record of provenance names it."""
        return str(self.planned.path)

    @property
    def seed(self) -> int | None:
        """Seed of the training; None where nothing is trained."""
        return self.planned.run.seed

    @property
    def annotated(self) -> int:
        """Frames that have ground truth; the protocol may not score all of them."""
        excluded = self.facts["excluded_frames"].values()
        return self.facts["n_frames"] + sum(len(frames) for frames in excluded)

    @property
    def scored(self) -> dict[str, list[str]]:
        """Which frames were scored, by sequence."""
        return {name: sorted(one["frames"]) for name, one in self.facts["sequences"].items()}


@dataclass(frozen=True)
class Cell:
    """What a row has on one benchmark in one scoring: an evaluation of each seed."""

    each: tuple[Scores, ...]
    """By seed; one where nothing is trained."""

    @property
    def planned(self) -> Evaluation:
        """The evaluation of the first seed; those of the others differ in their runs alone."""
        return self.each[0].planned

    @property
    def first(self) -> Scores:
        """Scores of the first seed: data, frames and network are the same for all."""
        return self.each[0]

    @property
    def seeds(self) -> list[int]:
        """Seeds of its trainings; none where nothing is trained."""
        return [one.seed for one in self.each if one.seed is not None]

    def numbers(self, read: Callable[[Scores], float | None]) -> Numbers | None:
        """One number of each seed; None where there is none of any.

        Args:
            read: takes the number from the scores of a seed.
        """
        values = {one.seed: read(one) for one in self.each}
        finite = {
            seed: value
            for seed, value in values.items()
            if value is not None and math.isfinite(value)
        }
        return Numbers(finite) if finite else None

    def of(self, metric: str) -> Numbers | None:
        """A metric; None where it could not be measured."""
        return self.numbers(lambda one: one.facts["metrics"].get(metric))


Found = Sequence[tuple[RowDeclaration, list[Cell]]]
"""The declared rows of a table with their scores: benchmarks, then scorings."""


def by_cell(read: Iterable[Scores]) -> list[Cell]:
    """Put the evaluations of all seeds together that belong to one cell.

    Args:
        read: of one row; benchmarks, then scorings, then seeds.
    """
    groups = groupby(read, key=lambda one: (one.planned.benchmark, one.planned.scoring))
    return [Cell(tuple(group)) for _, group in groups]


def read(planned: Evaluation) -> Scores:
    """Read one evaluation.

    Raises:
        UserError: it has not been made yet.
        StoreError: it is not what `commonfate evaluate` writes.
    """
    path = Path(planned.path)
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        missing = [key for key in KEYS if key not in facts]
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
    return Scores(planned, facts)


def check_same_frames(first: Scores, second: Scores) -> None:
    """Refuse to put side by side what was scored on different frames.

    Scorings of different protocols may differ in their frames, methods of one scoring may not.

    Raises:
        UserError: the two differ in their sequences or frames.
    """
    if first.scored != second.scored:
        raise UserError(
            f"{second.path}: scored on other frames than {first.path}, so the two cannot stand in "
            f"one table; delete both and run the same command again"
        )
