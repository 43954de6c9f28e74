"""One request for a file, or for the rest of one."""

import logging
import re
from http import HTTPStatus

import requests

import commonfate
from commonfate.weights.partial import Partial, Version
from commonfate.weights.received import track

CHUNK = 1 << 16  # bytes
TIMEOUTS_S = (10.0, 30.0)  # until a connection is there, and between two bytes
PASSING = {408, 425, 429, 500, 502, 503, 504}  # statuses of errors that may pass

log = logging.getLogger(__name__)


class Interrupted(Exception):
    """It did not work this time; the next attempt may."""


class Refused(Exception):
    """It does not work at this address."""


def receive(name: str, url: str, partial: Partial) -> None:
    """Receive a file, or what is missing of one that was cut, and append it to `partial`.

    Parts of different files are never put together: the server is asked for the rest only if the
    file is still the same (If-Range), and its answer is compared with what the first part said.
    Proxies and certificates are those of the environment (HTTPS_PROXY, REQUESTS_CA_BUNDLE).

    Raises:
        Interrupted: unreachable, cut, or an error of the server that may pass.
        Refused: the server has no such file, or sends something else.
        OSError: the bytes cannot be written.
    """
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
                for chunk in track(chunks, name, partial.size, version.size):
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


def _headers(before: Version | None, here: int) -> dict[str, str]:
    # Compressed on the way, a file would have neither its own length nor its own ranges.
    headers = {
        "User-Agent": f"commonfate/{commonfate.__version__}",
        "Accept-Encoding": "identity",
    }
    if before is not None:
        headers["Range"] = f"bytes={here}-"
        if before.validator:
            headers["If-Range"] = before.validator
    return headers


def _prepare(
    name: str, response: requests.Response, url: str, before: Version | None, partial: Partial
) -> Version:
    """Look at the head of the answer and make `partial` ready for its body."""
    status = response.status_code
    if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE or (
        status == HTTPStatus.PARTIAL_CONTENT and not _continues(response, url, before, partial)
    ):
        partial.remove()
        raise Interrupted("the file there is another one than before")
    if status == HTTPStatus.PARTIAL_CONTENT:
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
    response: requests.Response, url: str, before: Version | None, partial: Partial
) -> bool:
    """Whether a partial answer begins where the bytes here end, and is of the same file."""
    span = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", response.headers.get("Content-Range", ""))
    if before is None or span is None or int(span[1]) != partial.size:
        return False
    return before.is_of_the_same_file(_version(response, url, int(span[2])))


def _version(response: requests.Response, url: str, size: int | None) -> Version:
    headers = response.headers
    return Version(url, size, headers.get("ETag", ""), headers.get("Last-Modified", ""))


def _reason(error: requests.RequestException) -> str:
    """What kept a connection from working, without the layers of libraries around it."""
    text, timed_out, cause = "", False, error
    while cause is not None:
        text = getattr(cause, "strerror", None) or text
        timed_out |= isinstance(cause, TimeoutError)
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, requests.exceptions.ProxyError):
        what = "the proxy is not reachable"
    elif isinstance(error, requests.exceptions.SSLError):
        what = "its certificate is not accepted"
    elif isinstance(error, requests.ConnectTimeout) or not timed_out:
        what = "not reachable"
    else:
        what = f"nothing came for {TIMEOUTS_S[1]:g} s"
    return f"{what} ({text})" if text else what
