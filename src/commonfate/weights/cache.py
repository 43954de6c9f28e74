"""The folder that keeps published files, and the download of a file into it."""

import logging
import os
import time
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from commonfate.base.errors import StoreError, UserError
from commonfate.base.files import exclusive, lock_of, sha256
from commonfate.weights.assets import Asset, foreign_content
from commonfate.weights.transfer import Interrupted, Partial, Refused, receive

ENVIRONMENT = "COMMONFATE_WEIGHTS"
ATTEMPTS = 4
"""Attempts in a row that bring no more bytes."""
PAUSE_S = 0.5
"""Pause before the second attempt; doubled before each further one."""

log = logging.getLogger(__name__)


def folder(chosen: str | Path | None = None) -> Path:
    """The cache folder: `chosen`, else $COMMONFATE_WEIGHTS, else the user's cache."""
    if chosen or (chosen := os.environ.get(ENVIRONMENT)):
        return Path(chosen).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("commonfate") / "weights"


def cached_path(asset: Asset, chosen: str | Path | None = None) -> Path:
    """Path of a file in the cache; the file may be missing."""
    return folder(chosen) / asset.kind / asset.file


def fetch(asset: Asset, chosen: str | Path | None = None) -> Path:
    """Return the path of a verified file in the cache; download the file if it is missing.

    A file that was put there by hand is verified like any other. A file with wrong bytes is moved
    aside and fetched again. Without a published hash, a file is refused only if it is plainly
    wrong, e.g. a web page. Of several processes, one downloads and the others wait.

    Raises:
        UserError: the file cannot be fetched; the message says what to put where.
        StoreError: the folder cannot be written.
    """
    path = cached_path(asset, chosen)
    if path.is_file() and asset.matches(path):
        _remove_parts(path)
        return path
    before = ""
    try:
        with exclusive(path):
            if path.is_file():
                if asset.matches(path):
                    return path
                before = f"{path}: {_set_aside(asset, path, path)}; "
                log.warning("%sfetching it anew", before)
            _download(asset, path)
        if asset.digest is None:
            unverified = "%s: %s, so the file is taken as it came; its sha256 is %s"
            log.warning(unverified, asset.name, asset.hash, sha256(path))
    except Refused as error:
        raise UserError(_advice(asset, chosen, f"{before}{error}")) from error
    except OSError as error:
        raise StoreError(
            f"{path}: cannot be written ({error.strerror or error}); {_moving(chosen)}"
        ) from error
    return path


def _remove_parts(path: Path) -> None:
    """Remove the parts of an unfinished download of a file that was then put there by hand."""
    partial = Partial(path)
    # Not while another process receives them, nor in a folder that cannot be written.
    if partial.is_begun():
        with suppress(OSError, Timeout), FileLock(lock_of(path), blocking=False):
            partial.remove()


def _download(asset: Asset, destination: Path) -> None:
    """Download a file from the first address that gives the right bytes.

    A failed download leaves the bytes that have arrived; the next one continues from there.

    Raises:
        Refused: no address gives the file; the message has a reason for each.
        OSError: the file cannot be written.
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
                reason = _set_aside(asset, partial.path, destination)
                partial.remove()
                raise Refused(reason)
        except Refused as error:
            failures.append(f"{url}: {error}")
            continue
        partial.complete(destination)
        return
    raise Refused("; ".join(failures) or "no address of it is known here")


def _receive_all(name: str, url: str, partial: Partial) -> None:
    """Receive a whole file, however often the connection is cut, as long as bytes arrive."""
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
    """True if the parts belong together; without a hash the server's validator must say so."""
    version = partial.version()
    vouched = asset.digest is not None or (version is not None and version.validator != "")
    return vouched and asset.matches(partial.path)


def _set_aside(asset: Asset, wrong: Path, destination: Path) -> str:
    """Rename a file with wrong bytes to `{destination}.wrong`; return a description of it."""
    aside = destination.with_name(f"{destination.name}.wrong")
    content = foreign_content(wrong) or f"{wrong.stat().st_size:,} bytes long"
    hashes = ""
    if asset.digest is not None:
        hashes = f"{asset.digest.algorithm} is {asset.digest.of(wrong)}, expected {asset.digest}; "
    wrong.replace(aside)
    return f"wrong file ({content}): {hashes}moved to {aside.name}"


def _advice(asset: Asset, chosen: str | Path | None, reasons: str) -> str:
    home = f" (look at {asset.home})" if asset.home else ""
    return (
        f"{asset.name}: cannot be fetched: {reasons}. Fetch it by other means{home} and put it as "
        f"{asset.file} ({asset.hash}) into {cached_path(asset, chosen).parent}; {_moving(chosen)}"
    )


def _moving(chosen: str | Path | None) -> str:
    return f"the config key weights_folder or ${ENVIRONMENT} moves {folder(chosen)}"
