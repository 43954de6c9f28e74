"""The folder that keeps published files, and getting a file into it."""

import logging
import os
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from commonfate.base.errors import StoreError, UserError
from commonfate.base.files import exclusive, lock_of, sha256
from commonfate.weights.asset import Asset
from commonfate.weights.partial import Partial

ENVIRONMENT = "COMMONFATE_WEIGHTS"

log = logging.getLogger(__name__)


def folder(chosen: str | Path | None = None) -> Path:
    """The cache folder: the chosen one, else $COMMONFATE_WEIGHTS, else the user's cache."""
    if chosen or (chosen := os.environ.get(ENVIRONMENT)):
        return Path(chosen).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("commonfate") / "weights"


def place(asset: Asset, chosen: str | Path | None = None) -> Path:
    """Where the cache keeps a file, whether it is there or not."""
    return folder(chosen) / asset.kind / asset.file


def fetch(asset: Asset, chosen: str | Path | None = None) -> Path:
    """Path of a verified file in the cache, downloaded if it is not there.

    A file that somebody put there is verified like any other. One with wrong bytes is moved aside
    and fetched anew. Where no hash is known, a file is taken unless it is plainly something else,
    such as a web page. Of several processes, one downloads and the others wait.

    Raises:
        UserError: it cannot be fetched; the message says what to put where.
        StoreError: the folder cannot be written.
    """
    path = place(asset, chosen)
    if path.is_file() and asset.matches(path):
        _forget_parts(path)
        return path
    # Only now: most processes find the file and have no use for a library of HTTP.
    from commonfate.weights.download import Refused, download, set_aside

    before = ""
    try:
        with exclusive(path):
            if path.is_file():
                if asset.matches(path):
                    return path
                before = f"{path}: {set_aside(asset, path, path)}; "
                log.warning("%sfetching it anew", before)
            download(asset, path)
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


def _forget_parts(path: Path) -> None:
    """Remove what had arrived of a file that was put there by other means afterwards."""
    partial = Partial(path)
    # Not while another process receives it, nor in a folder of somebody else's.
    if partial.is_begun():
        with suppress(OSError, Timeout), FileLock(lock_of(path), blocking=False):
            partial.remove()


def _advice(asset: Asset, chosen: str | Path | None, reasons: str) -> str:
    home = f" (look at {asset.home})" if asset.home else ""
    return (
        f"{asset.name}: cannot be fetched: {reasons}. Fetch it by other means{home} and put it as "
        f"{asset.file} ({asset.hash}) into {place(asset, chosen).parent}; {_moving(chosen)}"
    )


def _moving(chosen: str | Path | None) -> str:
    return f"the config key weights_folder or ${ENVIRONMENT} moves {folder(chosen)}"
