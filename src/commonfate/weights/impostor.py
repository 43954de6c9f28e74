"""What servers send, and people save, in place of a file of weights."""

from pathlib import Path

PAGE, POINTER = "an HTML page", "a Git LFS pointer"
STARTS = {
    b"<!doctype html": PAGE,
    b"<html": PAGE,
    b"version https://git-lfs": POINTER,
}
ADVICE = {
    PAGE: "fetch the file itself, not the page that links to it",
    POINTER: "run `git lfs pull` in its repository",
}
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def recognise(path: Path) -> str | None:
    """What a file plainly is instead of weights, or None."""
    with path.open("rb") as file:
        start = file.read(256).removeprefix(_BYTE_ORDER_MARK).lstrip().lower()
    return next((what for beginning, what in STARTS.items() if start.startswith(beginning)), None)
