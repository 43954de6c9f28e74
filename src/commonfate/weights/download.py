"""Downloading a file: mirrors, attempts, and what is done with a wrong file."""

import logging
import time
from pathlib import Path

from commonfate.weights import impostor
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
            if partial.resumed and not _is_whole(asset, partial):
                log.warning("%s: its parts do not belong together; starting over", asset.name)
                partial.remove()
                _receive_all(asset.name, url, partial)
            if not asset.matches(partial.path):
                reason = set_aside(asset, partial.path, destination)
                partial.remove()
                raise Refused(reason)
        except Refused as error:
            failures.append(f"{url}: {error}")
            continue
        partial.complete(destination)
        return
    raise Refused("; ".join(failures) or "no address of it is known here")


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


def _is_whole(asset: Asset, partial: Partial) -> bool:
    """Whether the parts of a file belong together; without a hash the server must vouch for it."""
    version = partial.version()
    vouched = asset.digest is not None or (version is not None and version.validator != "")
    return vouched and asset.matches(partial.path)


def set_aside(asset: Asset, found: Path, destination: Path) -> str:
    """Rename a file with wrong bytes to `{destination}.wrong` and say what was wrong."""
    aside = destination.with_name(f"{destination.name}.wrong")
    what = impostor.recognise(found) or f"{found.stat().st_size:,} bytes long"
    hashes = ""
    if asset.digest is not None:
        hashes = f"{asset.digest.algorithm} is {asset.digest.of(found)}, expected {asset.digest}; "
    found.replace(aside)
    return f"wrong file ({what}): {hashes}moved to {aside.name}"
