"""Where a product comes from: settings, inputs, code, libraries, device, time."""

import datetime
import functools
import platform
import subprocess
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

from commonfate import __version__
from commonfate.files import sha256

LIBRARIES = ("numpy", "torch", "ptlflow", "opencv-python", "zarr", "av", "decord", "scikit-learn")


@functools.cache
def code_version() -> str:
    """Version of the package and, in a checkout, the commit (`+` marks uncommitted changes)."""
    folder = Path(__file__).parent
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty=+", "--exclude=*"]
    try:
        commit = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return __version__
    return f"{__version__} ({commit.stdout.strip()})"


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


@functools.cache
def libraries() -> dict[str, str]:
    """Versions of the libraries that numbers depend on, those that are installed."""
    return {name: version for name in LIBRARIES if (version := _installed(name))}


def record(verb: str, settings: Any, inputs: Iterable[str | Path], **facts: Any) -> dict[str, Any]:
    """Describe how a product is made.

    Args:
        verb: the `commonfate` verb that makes it.
        settings: what it was told, as JSON can hold it.
        inputs: the files that it reads; each is hashed.
        facts: anything else worth keeping, e.g. `weights_sha256`, `device`.
    """
    return {
        "verb": verb,
        "settings": settings,
        "inputs": {str(path): sha256(path) for path in inputs},
        "code": code_version(),
        "python": platform.python_version(),
        "libraries": libraries(),
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        **facts,
    }
