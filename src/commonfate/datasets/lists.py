"""Lists of names that datasets ship: images or sequences of a split."""

from collections.abc import Sequence
from pathlib import Path, PurePath

from commonfate.base.errors import ConfigError, StoreError
from commonfate.datasets import search
from commonfate.datasets.layouts import DOCS


def names(list_file: Path, wish: str, keys: str) -> list[str]:
    """Names of a list, without folders and suffixes; further words of a line are not read.

    Args:
        list_file: a name or path a line.
        wish: what needs the list, e.g. `the split 'val' is wanted`.
        keys: settings that may be changed instead.

    Raises:
        ConfigError: there is no such file.
        StoreError: it is empty, or a name is there twice.
    """
    if not list_file.is_file():
        raise ConfigError(
            f"{list_file}: no such list, but {wish}; {DOCS} says where it comes from; or change "
            f"{keys}"
        )
    first: dict[str, int] = {}
    for number, line in search.lines(list_file):
        name = PurePath(line.split()[0]).stem
        if name in first:
            raise StoreError(
                f"{list_file}, line {number}: lists {name} again, after line {first[name]}; delete "
                f"one of the two lines"
            )
        first[name] = number
    if not first:
        raise StoreError(f"{list_file}: the list is empty; {DOCS} says where it comes from")
    return list(first)


def present(folder: Path, suffix: str, names: Sequence[str], list_file: Path) -> dict[str, str]:
    """Files of a folder by the names of a list.

    Raises:
        StoreError: the folder or one of the files is missing.
    """
    if not folder.is_dir():
        raise StoreError(f"{folder}: no such folder; {DOCS} says what belongs there")
    # The folder is listed once: single queries are slow on network file systems.
    there = {file.name for file in folder.iterdir()}
    for name in names:
        if f"{name}{suffix}" not in there:
            raise StoreError(
                f"{folder / name}{suffix}: missing, but {list_file} lists it; {DOCS} says where it "
                f"comes from"
            )
    return {name: f"{folder / name}{suffix}" for name in names}
