"""One request for a file, or for the rest of a file that was cut.

Own code, since pooch neither continues a cut download, nor checks the beginnings of hashes and the
git hashes that most of these files are published with, nor tries mirrors, nor keeps a wrong file.
"""

import dataclasses
import json
import logging
import os
import re
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

import commonfate
from commonfate.base.files import write_json
from commonfate.base.progress import track_bytes

if TYPE_CHECKING:  # most processes find the file in the cache
    import requests

CHUNK = 1 << 16
"""Bytes read at a time."""
TIMEOUTS_S = (10.0, 30.0)
"""Until the connection is there, and between two bytes."""
PASSING = {408, 425, 429, 500, 502, 503, 504}
"""HTTP statuses of errors that may pass."""

log = logging.getLogger(__name__)


class Interrupted(Exception):
    """The transfer failed; another attempt may succeed."""


class Refused(Exception):
    """The transfer cannot succeed at this address."""


@dataclass(frozen=True)
class Version:
    """One version of the file at an address, as the server describes it."""

    url: str
    size: int | None
    """Bytes of the whole file; None if the server does not say."""
    etag: str = ""
    modified: str = ""
    """The headers ETag and Last-Modified; empty if the server sends none."""

    @property
    def validator(self) -> str:
        """Value of If-Range, which takes no weak ETag (RFC 9110, 13.1.5); may be empty."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.modified

    def is_of_the_same_file(self, other: "Version") -> bool:
        """True if no address, size or header that both have differs."""
        pairs = [(self.etag, other.etag), (self.modified, other.modified)]
        same = all(mine == theirs for mine, theirs in pairs if mine and theirs)
        return same and (self.url, self.size) == (other.url, other.size)


class Partial:
    """The part of a file that has arrived, under a temporary name beside its destination.

    The part outlives the process, so that the next one can continue.
    """

    def __init__(self, destination: Path) -> None:
        self.path = destination.with_name(f".{destination.name}.part")
        self._note = destination.with_name(f".{destination.name}.part.json")
        self.resumed = False
        """True if the bytes come from several answers of the server."""

    @property
    def size(self) -> int:
        """Bytes that have arrived."""
        return self.path.stat().st_size if self.path.is_file() else 0

    def is_begun(self) -> bool:
        """True if a part or its note exists."""
        return self.path.exists() or self._note.exists()

    def version(self) -> Version | None:
        """The version that the bytes are part of; None if there is nothing to continue from."""
        if not self.size or not self._note.is_file():
            return None
        return Version(**json.loads(self._note.read_text(encoding="utf-8")))

    def begin(self, version: Version) -> None:
        """Start empty; the note is written before the first byte."""
        self.remove()
        write_json(self._note, dataclasses.asdict(version))

    def complete(self, destination: Path) -> None:
        """Flush the file to disk and rename it to its destination."""
        with self.path.open("rb+") as file:
            os.fsync(file.fileno())
        self.path.replace(destination)
        self.remove()

    def remove(self) -> None:
        """Remove the part and its note."""
        self.path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)
        self.resumed = False


def receive(name: str, url: str, partial: Partial) -> None:
    """Receive a file, or the rest of a file that was cut, and append it to `partial`.

    Parts of different versions are never put together: the server is asked for the rest only if
    the version is still the same (If-Range), and its answer is compared with the first part's.
    Proxies and certificates are those of the environment (HTTPS_PROXY, REQUESTS_CA_BUNDLE).

    Raises:
        Interrupted: the server is unreachable, cuts the transfer, or has an error that may pass.
        Refused: the server has no such file, or sends something else.
        OSError: the bytes cannot be written.
    """
    import requests

    before = partial.version()
    if before is None or before.url != url or before.size is None:
        before = None
    elif partial.size == before.size:
        partial.resumed = True
        return
    try:
        with requests.get(
            url, headers=_headers(before, partial.size), stream=True, timeout=TIMEOUTS_S
        ) as response:
            version = _prepare(name, response, url, before, partial)
            chunks = response.iter_content(CHUNK)
            with partial.path.open("ab") as file:
                for chunk in track_bytes(chunks, name, version.size, partial.size):
                    file.write(chunk)
    except requests.exceptions.ChunkedEncodingError as error:
        raise Interrupted(f"cut after {partial.size:,} bytes") from error
    except (requests.ConnectionError, requests.Timeout) as error:
        raise Interrupted(_reason(error)) from error
    except requests.RequestException as error:
        raise Refused(str(error)) from error
    if version.size is not None and partial.size != version.size:
        partial.remove()
        raise Interrupted("more or less bytes came than the server had said")


def _headers(before: Version | None, size: int) -> dict[str, str]:
    """Headers of the request: for a whole file, or for the rest after `size` bytes of `before`."""
    # If the server compressed the answer, its length and ranges would not be those of the file.
    headers = {
        "User-Agent": f"commonfate/{commonfate.__version__}",
        "Accept-Encoding": "identity",
    }
    if before is not None:
        headers["Range"] = f"bytes={size}-"
        if before.validator:
            headers["If-Range"] = before.validator
    return headers


def _prepare(
    name: str, response: "requests.Response", url: str, before: Version | None, partial: Partial
) -> Version:
    """Check the head of an answer and make `partial` ready for the body."""
    status = response.status_code
    if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE or (
        status == HTTPStatus.PARTIAL_CONTENT and not _continues(response, url, before, partial)
    ):
        partial.remove()
        raise Interrupted("the file there is another one than before")
    if status == HTTPStatus.PARTIAL_CONTENT and before is not None:
        partial.resumed = True
        log.info("%s: going on after %s bytes", name, f"{partial.size:,}")
        return before
    if status in PASSING:
        raise Interrupted(f"HTTP {status} {response.reason}")
    if status != HTTPStatus.OK:
        raise Refused(f"HTTP {status} {response.reason}")
    if response.headers.get("Content-Type", "").lower().startswith("text/html"):
        raise Refused("a web page comes instead of the file (an error page, or a login)")
    if before is not None:
        log.info("%s: the server sends it from the beginning again", name)
    length = response.headers.get("Content-Length")
    encoded = "Content-Encoding" in response.headers
    version = _version(response, url, int(length) if length and not encoded else None)
    partial.begin(version)
    return version


def _continues(
    response: "requests.Response", url: str, before: Version | None, partial: Partial
) -> bool:
    """True if a partial answer begins where `partial` ends and is of the same version."""
    span = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", response.headers.get("Content-Range", ""))
    if before is None or span is None or int(span[1]) != partial.size:
        return False
    return before.is_of_the_same_file(_version(response, url, int(span[2])))


def _version(response: "requests.Response", url: str, size: int | None) -> Version:
    headers = response.headers
    return Version(url, size, headers.get("ETag", ""), headers.get("Last-Modified", ""))


def _reason(error: "requests.RequestException") -> str:
    """Describe a failed connection in a few words, without the text of the libraries around it."""
    import requests

    text, timed_out, cause = "", False, error
    while cause is not None:
        text = getattr(cause, "strerror", None) or text
        timed_out |= isinstance(cause, TimeoutError)
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, requests.exceptions.ProxyError):
        reason = "the proxy is not reachable"
    elif isinstance(error, requests.exceptions.SSLError):
        reason = "its certificate is not accepted"
    elif isinstance(error, requests.ConnectTimeout) or not timed_out:
        reason = "not reachable"
    else:
        reason = f"nothing came for {TIMEOUTS_S[1]:g} s"
    return f"{reason} ({text})" if text else reason
