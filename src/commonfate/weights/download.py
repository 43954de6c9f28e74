"""Downloading a file: mirrors, attempts, and what is done with a wrong file."""

import logging
import time
from pathlib import Path

from commonfate.weights.asset import Asset
from commonfate.weights.partial import Partial
from commonfate.weights.transfer import Interrupted, Refused, receive

ATTEMPTS = 4  # in a row that bring nothing
PAUSE_S = 0.5  # before the second attempt; doubled before each further one

log = logging.getLogger(__name__)


def download(asset: Asset, destination: Path) -> None:
    """Bring a file from the first of its addresses that gives the right bytes.

    What arrived of a file stays when its download fails; the next one goes on from there.

    Raises:
        Refused: no address gives it; the message has a reason for each.
        OSError: it cannot be written.
    """
    partial = Partial(destination)
    failures = []
    for url in asset.urls:
        log.info("%s: fetching %s to %s", asset.name, url, destination)
        try:
            _receive_all(asset.name, url, partial)
            if not asset.digest.matches(partial.path) and partial.resumed:
                log.warning("%s: its parts do not belong together; starting over", asset.name)
                partial.remove()
                _receive_all(asset.name, url, partial)
            if not asset.digest.matches(partial.path):
                reason = set_aside(asset, partial.path, destination)
                partial.remove()
                raise Refused(reason)
        except Refused as error:
            failures.append(f"{url}: {error}")
            continue
        partial.complete(destination)
        return
    raise Refused("; ".join(failures))


def _receive_all(name: str, url: str, partial: Partial) -> None:
    """Receive a whole file, however often the connection is cut, as long as bytes come."""
    most, failed = 0, 0
    while True:
        try:
            return receive(name, url, partial)
        except Interrupted as error:
            failed = 1 if partial.size > most else failed + 1
            most = max(most, partial.size)
            if failed >= ATTEMPTS:
                raise Refused(f"{error}, {ATTEMPTS} times") from error
            pause_s = PAUSE_S * 2 ** (failed - 1)
            log.warning("%s: %s; trying again in %g s", name, error, pause_s)
            time.sleep(pause_s)


def set_aside(asset: Asset, found: Path, destination: Path) -> str:
    """Rename a file with wrong bytes to `{destination}.wrong` and say what was wrong."""
    aside = destination.with_name(f"{destination.name}.wrong")
    digest, looks = asset.digest.of(found), _looks_like(found)
    found.replace(aside)
    return (
        f"wrong file{looks}: {asset.digest.algorithm} is {digest}, expected {asset.digest}; "
        f"moved to {aside.name}"
    )


def _looks_like(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(256).lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return " (a web page)"
    if start.startswith(b"version https://git-lfs"):
        return " (a pointer of Git LFS)"
    return f" ({path.stat().st_size:,} bytes long)"
