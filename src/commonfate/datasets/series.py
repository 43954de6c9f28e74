"""Series of numbered images in a folder: the frames of videos."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePath

_DIGITS = re.compile(r"([0-9]+)")
_SAME_FORMAT = {".jpeg": ".jpg", ".tif": ".tiff"}


@dataclass(frozen=True)
class Series:
    """Images whose names differ in one number.

    Attributes:
        pattern: their name with `*` for the number.
        names: in order of the number.
    """

    pattern: str
    names: tuple[str, ...]


def find(names: Iterable[str]) -> tuple[list[Series], list[str]]:
    """Find the series among the images of one folder.

    The number is the last one in the name that makes a series. Text may follow it (`0001_rgb.png`),
    even with digits (`0001_depth16.png`). Suffixes may be mixed if no number occurs twice: `.jpg`
    and `.jpeg` always, others if they fill each other's gaps.

    Returns:
        The series, and the names that belong to none.
    """
    remaining = list(names)
    series: list[Series] = []
    most_numbers = max((len(split(name)) // 2 for name in remaining), default=0)
    for position in range(1, most_numbers + 1):
        series += _at(position, remaining)
        taken = {name for part in series for name in part.names}
        remaining = [name for name in remaining if name not in taken]
    return series, remaining


def numbering(names: Iterable[str]) -> tuple[int, list[int]]:
    """The number by which names differ: the last that is not the same in all, else the last.

    Args:
        names: each with a number.

    Returns:
        Its position in the result of `split`, counted from the end, and the number of each name.
    """
    parts = [split(name) for name in names]
    fewest = min(map(len, parts), default=0)
    columns = [(place, [int(part[place]) for part in parts]) for place in range(-2, -fewest, -2)]
    differing = (column for column in columns if len(set(column[1])) > 1)
    return next(differing, columns[0])


def renumbered(name: str, place: int, number: int) -> str:
    """The name with another number at a position, with the same number of digits."""
    parts = split(name)
    parts[place] = f"{number:0{len(parts[place])}d}"
    return "".join(parts) + PurePath(name).suffix


def split(name: str) -> list[str]:
    """A name without suffix, split at its numbers, which are at the odd positions."""
    return _DIGITS.split(PurePath(name).stem)


def _at(position: int, names: Iterable[str]) -> Iterator[Series]:
    """Series by the number at a position, counted from the end of the name."""
    groups: dict[tuple[str, str], dict[str, list[tuple[int, str]]]] = {}
    for name in names:
        parts, suffix = split(name), PurePath(name).suffix.lower()
        if len(parts) <= 2 * position - 1:
            continue
        place = len(parts) - 2 * position
        key = "".join(parts[:place]), "".join(parts[place + 1 :])
        groups.setdefault(key, {}).setdefault(suffix, []).append((int(parts[place]), name))
    for (before, behind), by_suffix in groups.items():
        for suffix, numbered in _joined(by_suffix).items():
            if len(numbered) > 1:
                ordered = tuple(name for _, name in sorted(numbered))
                yield Series(f"{before}*{behind}{suffix}", ordered)


def _joined(by_suffix: dict[str, list[tuple[int, str]]]) -> dict[str, list[tuple[int, str]]]:
    """Numbered names by suffix; suffixes of one sequence are joined."""
    formats: dict[str, list[str]] = {}
    for suffix in sorted(by_suffix):
        formats.setdefault(_SAME_FORMAT.get(suffix, suffix), []).append(suffix)
    joined: dict[str, list[tuple[int, str]]] = {}
    for suffixes in formats.values():
        together = [item for suffix in suffixes for item in by_suffix[suffix]]
        if _are_disjoint(together):
            joined[suffixes[-1]] = together
        else:
            joined |= {suffix: by_suffix[suffix] for suffix in suffixes}
    together = [item for numbered in joined.values() for item in numbered]
    if len(joined) > 1 and _are_disjoint(together) and _are_evenly_spaced(together):
        return {".*": together}
    return joined


def _are_disjoint(numbered: list[tuple[int, str]]) -> bool:
    return len({number for number, _ in numbered}) == len(numbered)


def _are_evenly_spaced(numbered: list[tuple[int, str]]) -> bool:
    ordered = sorted(number for number, _ in numbered)
    return len({after - before for before, after in pairwise(ordered)}) == 1
