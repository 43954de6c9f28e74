"""Provenance of a product: settings, inputs, code, libraries, device, time."""

import datetime
import functools
import hashlib
import os
import platform
import subprocess
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

from commonfate import __version__
from commonfate.base.files import sha256

LIBRARIES = ("numpy", "torch", "ptlflow", "opencv-python", "zarr", "av", "decord", "scikit-learn")
PACKAGE = Path(__file__).parents[1]


@functools.cache
def code_digest() -> str:
    """SHA-256 of the package's source; equal if the code is the same.

    A commit would not do: an installed package has none, and a `+` stands for any change.
    """
    return digest_of(PACKAGE)


def digest_of(package: Path) -> str:
    """SHA-256 of the names and contents of a package's Python files, in order."""
    digest = hashlib.sha256()
    for file in sorted(package.rglob("*.py")):
        content = file.read_bytes()
        digest.update(
            f"{file.relative_to(package).as_posix()}\n{len(content)}\n".encode() + content
        )
    return digest.hexdigest()


@functools.cache
def code_version() -> str:
    """Version of the package and, in its own checkout, the commit (`+`: with local changes)."""
    commit = commit_of(PACKAGE)
    return f"{__version__} ({commit})" if commit else __version__


def commit_of(package: Path) -> str | None:
    """Commit of the repository that tracks a package's files; None without one.

    A repository that merely holds the environment does not count.
    """
    if {"site-packages", "dist-packages"} & {*package.parts}:
        return None
    try:
        if not _git(package, "ls-files", "--", "__init__.py"):
            return None
        changed = _git(package, "status", "--porcelain", "--", ".")
        return _git(package, "rev-parse", "--short", "HEAD") + ("+" if changed else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _git(folder: Path, *command: str) -> str:
    # In a git hook, variables such as GIT_DIR name another repository.
    variables = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    completed = subprocess.run(
        ["git", "-C", str(folder), *command],
        env=variables,
        capture_output=True,
        text=True,
        timeout=10,
        check=True,
    )
    return completed.stdout.strip()


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


@functools.cache
def libraries() -> dict[str, str]:
    """Versions of the installed libraries that results depend on."""
    return {name: version for name in LIBRARIES if (version := _installed(name))}


def record(
    verb: str, settings: Any, inputs: Iterable[str | Path], **details: Any
) -> dict[str, Any]:
    """Describe how a product is made.

    Args:
        verb: the `commonfate` verb that makes the product.
        settings: its settings, in a form that JSON can hold.
        inputs: the files that the verb reads; each is hashed.
        details: further entries, e.g. `weights_sha256`, `device`.
    """
    return {
        "verb": verb,
        "settings": settings,
        "inputs": {str(path): sha256(path) for path in inputs},
        "code": code_version(),
        "code_sha256": code_digest(),
        "python": platform.python_version(),
        "libraries": libraries(),
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        **details,
    }
