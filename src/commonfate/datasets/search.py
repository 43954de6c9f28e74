"""Search of files: through folders, by suffix, in the order of the numbers in names."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from commonfate.base.errors import StoreError

IMAGE_SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"))


def walk(
    root: Path, on_error: Callable[[OSError], None] | None = None
) -> Iterator[tuple[Path, list[str]]]:
    """Yield folders and the names of their files, in order.

    Links are followed, hidden entries are skipped. A name may belong to a broken link or a pipe.

    Args:
        root: where to begin.
        on_error: called with the error of a folder that cannot be listed, which names the folder;
            without this function such a folder is skipped.
    """
    seen = set()
    for folder, subfolders, files in os.walk(root, onerror=on_error, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:  # a link that leads back
            subfolders.clear()
            continue
        seen.add(real)
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        yield Path(folder), sorted(name for name in files if not name.startswith("."))


def holds_no_file(root: Path) -> bool:
    """True if there is no file below `root`; hidden files do not count."""
    unlisted: list[OSError] = []
    return not any(names for _, names in walk(root, unlisted.append)) and not unlisted


def natural(name: str) -> list[str | int]:
    """Sort key that compares the numbers in names as numbers: frame9 before frame10."""
    return [int(part) if part.isdigit() else part for part in re.split(r"([0-9]+)", name)]


def subfolders(folder: Path) -> list[Path]:
    """Folders directly in a folder, in natural order; hidden ones are left out."""
    with os.scandir(folder) as entries:
        names = [e.name for e in entries if e.is_dir() and not e.name.startswith(".")]
    return [folder / name for name in sorted(names, key=natural)]


def images(folder: Path, suffixes: frozenset[str] = IMAGE_SUFFIXES) -> dict[str, Path]:
    """Images directly in a folder by their names without suffix, in natural order.

    Broken links and pipes are listed, too: reading them gives an error, while a file that is
    silently missing would not be noticed.

    Raises:
        StoreError: two images have the same name but for the suffix.
    """
    with os.scandir(folder) as entries:
        names = [e.name for e in entries if not e.name.startswith(".") and not e.is_dir()]
    files: dict[str, Path] = {}
    for name in sorted(names, key=natural):
        stem, dot, suffix = name.rpartition(".")
        if (dot + suffix).lower() not in suffixes:
            continue
        if stem in files:
            raise StoreError(
                f"{folder / name}: {files[stem].name} has the same name; delete one of the two"
            )
        files[stem] = folder / name
    return files


def lines(list_file: Path) -> list[tuple[int, str]]:
    """Lines of a list, stripped, with their numbers; without empty ones and comments (`# ...`).

    A byte-order mark, which some editors write, is no part of the first line.

    Raises:
        StoreError: the file is not UTF-8 text.
    """
    try:
        text = list_file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise StoreError(
            f"{list_file}: this list is not UTF-8 text; save it as plain text in UTF-8"
        ) from None
    stripped = ((n, line.strip()) for n, line in enumerate(text.splitlines(), start=1))
    return [(number, line) for number, line in stripped if line and not line.startswith("#")]
