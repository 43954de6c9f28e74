"""Recorded arrays with their tolerances, which the README of the arrays gives.

Another set of arrays, in $COMMONFATE_REFERENCE_DIR, may have other sizes and other counts under the
same keys: tests read both from the arrays.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

FLOAT32_FACTOR = 10
"""A comparison in float32 may differ by so many times what float32 and float64 differ by."""


class Recorded(dict[str, np.ndarray]):
    """The arrays of one file, by key."""

    def __init__(self, arrays: dict[str, np.ndarray], tolerances: list["Tolerance"]) -> None:
        super().__init__(arrays)
        self._tolerances = tolerances

    def check(self, key: str, ours: Any, recorded: Any = None) -> None:
        """Compare with an array, within the tolerance of its key.

        Args:
            key: which array.
            ours: an array, a tensor or a number of the same shape.
            recorded: a part of the array, where only that is compared.
        """
        ours = _array(ours)
        expected = _array(self[key] if recorded is None else recorded)
        assert ours.shape == expected.shape, key
        np.testing.assert_allclose(ours, expected, 0, self.tolerance(key), err_msg=key)

    def tolerance(self, key: str) -> float:
        """Largest difference that a key allows; inputs have none, and are not compared.

        A relative one is of the largest number of the array.
        """
        given = {limit for pattern, limit in self._tolerances if pattern.fullmatch(key)}
        assert len(given) == 1, f"{key}: the README of the arrays gives the tolerances {given}"
        limit, is_relative = given.pop()
        return limit * float(np.abs(self[key]).max()) if is_relative else limit

    def tensors(self) -> dict[str, torch.Tensor]:
        """The arrays that hold numbers, as tensors."""
        numbers = {key: value for key, value in self.items() if value.dtype.kind != "U"}
        return {key: torch.from_numpy(np.asarray(value)) for key, value in numbers.items()}

    def numbered(self) -> list[str]:
        """Numbers that lead the keys of repeated groups, in order."""
        return sorted({key.split("/")[0] for key in self if re.match(r"\d+/", key)}, key=int)


Tolerance = tuple[re.Pattern[str], tuple[float, bool]]
"""Keys, and how much they may differ; True where that is relative."""


def _array(values: Any) -> np.ndarray:
    return values.detach().numpy() if isinstance(values, torch.Tensor) else np.asarray(values)


def read_tolerances(readme: str, file: str) -> list[Tolerance]:
    """Patterns of keys with their tolerances, from the tables of the README."""
    heading = re.compile(rf"(.*[ ,])?{re.escape(file)}\b")
    (section,) = [part for part in readme.split("\n## ")[1:] if heading.match(part)]
    rows = (line.strip().strip("|").split("|") for line in section.splitlines() if "| `" in line)
    cells = ([cell.strip() for cell in row] for row in rows)
    return [
        (re.compile(_pattern(key)), limit)
        for row in cells
        if (limit := _limit(row[-1])) is not None
        for key in re.findall(r"`([^`]+)`", row[0])
    ]


def _pattern(key: str) -> str:
    """Regular expression of a key: `{a,b}` are alternatives, `N` is a number, `*` anything."""
    pattern = re.escape(key).replace(r"\*", ".+").replace(",", "|")
    pattern = pattern.replace(r"\{", "(").replace(r"\}", ")")
    return re.sub(r"(?<![A-Z])N(?![A-Za-z])", r"\\d+", pattern)


def _limit(text: str) -> tuple[float, bool] | None:
    if text.startswith(("exact", "equal")):
        return 0.0, False
    match = re.search(r"(f64 )?(\d[\d.]*e-\d+)( rel)?", text)
    if match is None:
        return None
    limit = float(match[2]) * (FLOAT32_FACTOR if match[1] else 1)
    return limit, match[3] is not None


@pytest.fixture(scope="session")
def recorded(reference: Callable, reference_readme: Path) -> Callable[[str], Recorded]:
    """Load a file of recorded arrays by name, with the tolerances of its keys."""

    def load(name: str) -> Recorded:
        text = reference_readme.read_text(encoding="utf-8")
        return Recorded(reference(name), read_tolerances(text, name))

    return load
