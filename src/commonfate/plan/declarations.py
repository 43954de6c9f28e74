"""Tables as `workflow/tables/*.yaml` declare them, whatever the scale."""

from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, NonNegativeInt, field_validator, model_validator

from commonfate.base.errors import ConfigError
from commonfate.base.settings import Name, Settings, parse, unknown
from commonfate.evaluation import kinds

OF_SEQUENCES = ("J_mean", "J_recall", "J_decay")
"""Metrics of a single sequence."""


TableKind = Literal["comparison", "sequences", "classes"]
"""Kinds of tables, by what has a row; but for `comparison` methods are columns."""


class StartDeclaration(Settings):
    """The run that a row's training starts from; it is trained on `pretrain_datasets`."""

    method: Name
    """Name of the method."""
    settings: dict[str, Any] = Field({})
    """Settings that differ from the scale's, by key."""
    data: Name | None = None
    """Role of the data that it learns from, as of a row."""


class RowDeclaration(Settings):
    """A measured row: a method with some settings of its own."""

    label: str
    """The row's name in the table."""
    method: Name
    """Name of the method."""
    settings: dict[str, Any] = Field({})
    """Settings that differ from the scale's, by key."""
    start: StartDeclaration | None = None
    """The run whose weights its training starts from; None starts from none."""
    flow: Name | None = None
    """Role of the flow source, e.g. `raft`; `flow_roles` of the config says which source plays it.
    None is the table's own source."""
    data: Name | None = None
    """Role of the data that training learns from, e.g. `unlabelled_video`; `data_roles` of the
    config says which datasets play it, of which the split `train` is taken. None: those of the
    benchmark."""
    beside: Name | None = None
    """Role of the data of which training reads one sample beside each, e.g. `images`, for methods
    that learn from two at a time."""
    adapt: NonNegativeInt = 0
    """Steps of test-time adaptation on each video."""
    crf: bool = False
    """Refine the foreground by a conditional random field."""
    variant: Name | None = None
    """Variant of the benchmarks on which the row is scored, e.g. `foreground`; those without this
    variant score it as the other rows."""
    optional: bool = False
    """Leave the row out, and say so, at scales that name no data sets for its roles."""
    scorings: tuple[str, ...] | None = Field(None, min_length=1)
    """Scorings of the table that the row has; None is all of them."""
    published: str | None = None
    """Label of the paper's own row for the same thing."""


class PublishedDeclaration(Settings):
    """Rows copied from papers' tables."""

    tables: tuple[str, ...] = Field(min_length=1)
    """Names of CSVs in commonfate/published/tables."""
    metrics: tuple[str, ...] = ("J",)
    """Metrics of them, as in their column `metric`."""


class Expectation(Settings):
    """A direction that the paper shows; a note tells if the measured numbers show it, too."""

    better: str
    """Label of the row that should score higher."""
    worse: str
    """Label of the other one."""
    scoring: str | None = None
    """Scoring in which they are compared; none is `leak_free`, or, if a row lacks that one, the
    table's first that both have."""
    because: str = ""
    """The paper's words, for the table's note."""


class TableDeclaration(Settings):
    """A result table."""

    title: str
    caption: str
    kind: TableKind = "comparison"
    """`comparison`: a row a method; `sequences`: a row a sequence; `classes`: a row a class."""
    rows: tuple[RowDeclaration, ...] = Field(min_length=1)
    scorings: tuple[str, ...] = Field(("leak_free", "released"), min_length=1)
    """Ways to read numbers off predictions, see `evaluation.kinds`; a column each."""
    published: PublishedDeclaration | None = None
    expects: tuple[Expectation, ...] = ()
    """Directions that the paper shows."""

    def scorings_of(self, row: RowDeclaration) -> tuple[str, ...]:
        """The scorings of one of the rows."""
        return self.scorings if row.scorings is None else row.scorings

    def scoring_of(self, expected: Expectation) -> str:
        """The scoring in which two rows are compared.

        Raises:
            ValueError: not both have it, or they have none in common.
        """
        of_label = {row.label: self.scorings_of(row) for row in self.rows}
        pair = (expected.better, expected.worse)
        shared = [name for name in self.scorings if all(name in of_label[row] for row in pair)]
        if expected.scoring is None and shared:
            return "leak_free" if "leak_free" in shared else shared[0]
        if expected.scoring in shared:
            return expected.scoring
        has = "; ".join(f"{row} has {', '.join(of_label[row])}" for row in pair)
        scoring = expected.scoring or "a scoring that both have"
        raise ValueError(f"expects: {' and '.join(pair)} cannot be compared in {scoring}: {has}")

    def without(self, labels: Collection[str]) -> "TableDeclaration":
        """The table without some of its rows, and without the expectations of them."""
        if not labels:
            return self
        expects = (
            expected
            for expected in self.expects
            if not {expected.better, expected.worse} & set(labels)
        )
        rows = tuple(row for row in self.rows if row.label not in labels)
        return self.model_copy(update={"rows": rows, "expects": tuple(expects)})

    @field_validator("scorings")
    @classmethod
    def _scorings_exist(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in kinds.scorings():
                raise ValueError(f"scoring {name!r}{unknown(name, kinds.scorings())}")
            if names.count(name) > 1:
                raise ValueError(f"scoring {name!r} is there twice")
        return names

    @model_validator(mode="after")
    def _rows_of_the_kind_have_numbers(self) -> "TableDeclaration":
        metrics = self.published.metrics if self.published else ()
        if self.kind == "classes" and metrics:
            raise ValueError("published: no paper's numbers of single classes are known; leave it")
        for metric in metrics:
            if self.kind == "sequences" and metric not in OF_SEQUENCES:
                raise ValueError(
                    f"published: kind sequences shows {', '.join(OF_SEQUENCES)}, not {metric}"
                )
        for name in self.scorings:
            if not any(self.kind in kind.tables for kind in kinds.with_scoring(name)):
                raise ValueError(
                    f"scoring {name!r} has no numbers of {self.kind}; choose another kind"
                )
        return self

    @model_validator(mode="after")
    def _names_fit(self) -> "TableDeclaration":
        labels = [row.label for row in self.rows]
        for label in labels:
            if labels.count(label) > 1:
                raise ValueError(f"rows: the label {label!r} is used more than once")
        for row in self.rows:
            scorings = row.scorings or ()
            for name in scorings:
                if scorings.count(name) > 1:
                    raise ValueError(f"row {row.label!r}: scoring {name!r} is there twice")
                if name not in self.scorings:
                    hint = unknown(name, self.scorings)
                    raise ValueError(f"row {row.label!r}: scoring {name!r}{hint}")
        for expected in self.expects:
            for label in (expected.better, expected.worse):
                if label not in labels:
                    raise ValueError(f"expects: row {label!r}{unknown(label, labels)}")
            if expected.better == expected.worse:
                raise ValueError(f"expects: row {expected.better!r} is compared with itself")
            if expected.scoring is not None and expected.scoring not in self.scorings:
                hint = unknown(expected.scoring, self.scorings)
                raise ValueError(f"expects: scoring {expected.scoring!r}{hint}")
            self.scoring_of(expected)
        return self


def read_declaration(path: Path) -> TableDeclaration:
    """Read one table's YAML.

    Raises:
        ConfigError: the file is not YAML or not a table.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(
            f"{path}: no such file; run this in the folder of the Snakefile, or name the file"
        ) from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"{path}: cannot be read as YAML ({reason})") from error
    return parse(TableDeclaration, values, str(path))
