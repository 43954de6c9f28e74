"""Rows and numbers of the papers' tables, and the names of their columns."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

CODE = ("GWM code",)
"""Names among the papers of programs, whose output is quoted."""
UNITS = {"delta_t_s": "{} s"}
"""Texts of settings whose column name would read badly before a number."""


class Key(NamedTuple):
    """The column of a number."""

    metric: str
    dataset: str
    settings: tuple[tuple[str, str], ...] = ()
    """Other things that differ from column to column, e.g. `protocol` and `K`, with their texts;
    without empty ones."""

    def matches(self, metric: str, dataset: str, settings: Mapping[str, str]) -> bool:
        """True if the column is of a metric and a data set and has some settings, among others."""
        return (self.metric, self.dataset) == (metric, dataset) and (
            settings.items() <= dict(self.settings).items()
        )


@dataclass(frozen=True)
class Value:
    """One printed number."""

    text: str
    """The digits as printed."""
    std: str
    """The standard deviation as printed; empty where there is none."""
    unit: str
    note: str
    file: str
    """Name of the CSV."""
    line: int
    """Line of the CSV, the header being line 1."""

    @property
    def shown(self) -> str:
        """The digits, followed by the deviation where one is printed: `35.35 ± 2.2`."""
        return f"{self.text} ± {self.std}" if self.std else self.text


@dataclass(frozen=True)
class Row:
    """One row of a paper's table."""

    label: str
    paper: str
    table: str
    variant: Mapping[str, str]
    """Columns of the CSV that describe the rows of this table alone, e.g. `flow_method`."""
    values: Mapping[Key, Value]
    of_all: Mapping[str, Value]
    """Metrics that the paper gives once for all data sets, e.g. `runtime`, by name."""
    source: str
    """`published`; `published code` for the output of a program of the authors; `published (AMD)`
    for numbers of another paper than that of the first table."""

    @property
    def place(self) -> str:
        """Name of the table, or of the program."""
        return self.table if self.paper in CODE else f"Table {self.table}"

    @property
    def runtime(self) -> Value | None:
        """Seconds a frame; some papers print them beside those of a whole video."""
        return self.of_all.get("runtime_per_frame", self.of_all.get("runtime"))

    @property
    def remarks(self) -> list[str]:
        """Remarks of the transcription on the numbers, each once."""
        shown = [*self.values.values(), *([self.runtime] if self.runtime else [])]
        parts = (part for value in shown for part in value.note.split("; ") if part)
        return list(dict.fromkeys(parts))

    def value(
        self, metric: str, dataset: str, settings: Mapping[str, str] | None = None
    ) -> Value | None:
        """The number of one column; None if the row has none, or several columns match.

        Args:
            metric: as in the column `metric`.
            dataset: as in the column `dataset`.
            settings: those that the column must have; it may have more.
        """
        keys = [key for key in self.values if key.matches(metric, dataset, settings or {})]
        return self.values[keys[0]] if len(keys) == 1 else None


def headings(rows: Iterable[Row]) -> dict[Key, str]:
    """Names of the columns of some rows: metric, data set, and the settings that differ.

    Settings that all columns of a metric and a data set share are left out: `J DAVIS2016`, but
    `mIoU VISOR (frame)` and `mIoU VISOR (clip)`.
    """
    keys = dict.fromkeys(key for row in rows for key in row.values)
    return {key: _heading(key, [other for other in keys if other[:2] == key[:2]]) for key in keys}


def _heading(key: Key, alike: list[Key]) -> str:
    every = [set(other.settings) for other in alike]
    shared = set.intersection(*every)
    differ = [word(*pair) for pair in key.settings if pair not in shared]
    name = f"{key.metric} {key.dataset}"
    return f"{name} ({', '.join(differ)})" if differ else name


def word(column: str, text: str) -> str:
    """A number after the name of its column; words as they are."""
    if column in UNITS:
        return UNITS[column].format(text)
    number = text == "GT" or text.replace(".", "").isdigit()
    return f"{column.replace('_', ' ')} {text}" if number else text
