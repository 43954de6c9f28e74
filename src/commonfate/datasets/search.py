"""Looking for files: through folders, by suffix, in the order that numbers in names say."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from commonfate.errors import StoreError

IMAGE_SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"))


def walk(root: Path) -> Iterator[tuple[Path, list[str]]]:
    """Folders and their files, in order; links are followed, hidden entries are not."""
    seen = set()
    for folder, subfolders, files in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:  # a link that leads back
            subfolders.clear()
            continue
        seen.add(real)
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        yield Path(folder), sorted(name for name in files if not name.startswith("."))


def holds_no_file(root: Path) -> bool:
    """Whether there are at most folders below `root`; hidden files do not count."""
    return not any(names for _, names in walk(root))


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

    Raises:
        StoreError: two images have the same name but for the suffix.
    """
    with os.scandir(folder) as entries:
        names = [
            entry.name for entry in entries if not entry.name.startswith(".") and entry.is_file()
        ]
    found: dict[str, Path] = {}
    for name in sorted(names, key=natural):
        stem, dot, suffix = name.rpartition(".")
        if (dot + suffix).lower() not in suffixes:
            continue
        if stem in found:
            raise StoreError(
                f"{folder / name}: {found[stem].name} has the same name; delete one of the two"
            )
        found[stem] = folder / name
    return found
