"""What servers send, and people save, in place of a file of weights."""

from pathlib import Path

STARTS = {
    b"<!doctype html": "a web page",
    b"<html": "a web page",
    b"version https://git-lfs": "a pointer of Git LFS",
}


def recognise(path: Path) -> str | None:
    """What a file plainly is instead of weights, or None."""
    with path.open("rb") as file:
        start = file.read(256).lstrip().lower()
    return next((what for beginning, what in STARTS.items() if start.startswith(beginning)), None)
