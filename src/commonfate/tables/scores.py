"""Evaluations as a table reads them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from commonfate.errors import StoreError, UserError
from commonfate.plan import Evaluation, RowDeclaration
from commonfate.tables import units

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

    def text(self, metric: str) -> str | None:
        """A metric as the table shows it; None where it could not be measured."""
        return units.text(metric, self.facts["metrics"].get(metric))

    @property
    def annotated(self) -> int:
        """Frames that have ground truth; the protocol may not score all of them."""
        excluded = self.facts["excluded_frames"].values()
        return self.facts["n_frames"] + sum(len(frames) for frames in excluded)

    @property
    def scored(self) -> dict[str, list[str]]:
        """Which frames were scored, by sequence."""
        return {name: sorted(one["frames"]) for name, one in self.facts["sequences"].items()}


Found = Sequence[tuple[RowDeclaration, list[Scores]]]
"""The declared rows of a table with their scores: benchmarks, then scorings."""


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
            f"{path}: missing; make it with: snakemake --cores 2 {path} (and the --configfile "
            f"of the scale)"
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
