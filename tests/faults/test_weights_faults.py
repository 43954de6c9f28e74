"""Fetching weights from a loopback server that cuts, forgets, lies and dies."""

import errno
import hashlib
import logging
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from commonfate.base.errors import StoreError, UserError
from commonfate.base.files import exclusive
from commonfate.weights import Asset, Digest, fetch, transfer
from commonfate.weights import cache as weights_cache

CONTENT = random.Random(0).randbytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


class Site(ThreadingHTTPServer):
    """Serves `content` at every path and misbehaves as told."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.content = CONTENT
        self.etag = '"one"'
        self.type = "application/octet-stream"
        self.statuses = []  # errors to answer first
        self.cuts = []  # bytes after which the next answers are cut
        self.knows_ranges = self.knows_if_range = True
        self.pause_s = 0.0  # after each 50,000 bytes
        self.requests = []

    def handle_error(self, *_) -> None:
        """Clients go away; a traceback on another thread would disturb pytest."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/net-{SHA256[:8]}.ckpt"

    @property
    def ranges(self) -> list[str | None]:
        return [headers["Range"] for _, headers in self.requests]


class Answer(BaseHTTPRequestHandler):
    def log_message(self, *_) -> None:
        pass

    def do_GET(self) -> None:
        site = self.server
        site.requests.append((self.path, self.headers))
        if site.statuses:
            self.send_error(site.statuses.pop(0))
            return
        start = self._start()
        body = site.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Type", site.type)
        self.send_header("Content-Length", str(len(body)))
        if start:
            whole = len(site.content)
            self.send_header("Content-Range", f"bytes {start}-{whole - 1}/{whole}")
        if site.etag:
            self.send_header("ETag", site.etag)
        self.end_headers()
        cut = site.cuts.pop(0) if site.cuts else len(body)
        for at in range(0, cut, 50_000):
            self.wfile.write(body[at : min(at + 50_000, cut)])
            time.sleep(site.pause_s)

    def _start(self) -> int:
        asked, condition = self.headers["Range"], self.headers["If-Range"]
        if not asked or not self.server.knows_ranges:
            return 0
        if condition and self.server.knows_if_range and condition != self.server.etag:
            return 0
        return int(re.fullmatch(r"bytes=(\d+)-", asked)[1])


@pytest.fixture
def site():
    server = Site()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache; no proxies; no waiting between attempts."""
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("COMMONFATE_WEIGHTS", str(tmp_path / "cache"))
    monkeypatch.setattr(weights_cache, "PAUSE_S", 0.0)
    return tmp_path / "cache" / "flow"


def asset(*urls: str) -> Asset:
    return Asset("net.things", urls, f"net-{SHA256[:8]}.ckpt", Digest("sha256", SHA256[:8]))


def names(folder) -> set[str]:
    """Files in the cache, without locks."""
    return {path.name for path in folder.iterdir() if path.suffix != ".lock"}


def nothing_listens() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def refused(*urls: str) -> str:
    with pytest.raises(UserError) as caught:
        fetch(asset(*urls))
    return str(caught.value)


def test_a_file_is_fetched_once(site, cache, caplog):
    with caplog.at_level(logging.INFO):
        path = fetch(asset(site.url))
    assert path == cache / f"net-{SHA256[:8]}.ckpt"
    assert path.read_bytes() == CONTENT
    assert names(cache) == {path.name}
    assert f"net.things: fetching {site.url} to {path}" in caplog.text
    assert "net.things: 0.3 of 0.3 MB" in caplog.text
    assert fetch(asset(site.url)) == path
    assert len(site.requests) == 1


def test_a_cut_download_goes_on_where_it_was_cut(site, caplog):
    site.cuts = [140_000, 70_000]
    with caplog.at_level(logging.INFO):
        assert fetch(asset(site.url)).read_bytes() == CONTENT
    first, second, third = site.ranges
    assert first is None
    here = [int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) for asked in (second, third)]
    assert 0 < here[0] <= 140_000 < here[1] <= 210_000
    assert site.requests[1][1]["If-Range"] == '"one"'
    assert f"cut after {here[0]:,} bytes; trying again" in caplog.text
    assert f"going on after {here[1]:,} bytes" in caplog.text


def test_a_download_that_failed_is_resumed_by_the_next_process(site, cache):
    site.cuts = [140_000, 0, 0, 0]
    message = refused(site.url)
    here = (cache / f".net-{SHA256[:8]}.ckpt.part").stat().st_size
    assert f"cut after {here:,} bytes, 4 times" in message
    assert fetch(asset(site.url)).read_bytes() == CONTENT
    assert site.ranges[-1] == f"bytes={here}-"
    assert names(cache) == {f"net-{SHA256[:8]}.ckpt"}


def test_a_killed_process_leaves_nothing_that_passes_for_the_file(site, cache):
    site.pause_s = 0.2
    part = cache / f".net-{SHA256[:8]}.ckpt.part"
    process = subprocess.Popen([sys.executable, "-c", in_another_process(site)])
    while not (part.is_file() and part.stat().st_size):
        time.sleep(0.01)
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (cache / f"net-{SHA256[:8]}.ckpt").exists()
    site.pause_s = 0
    assert fetch(asset(site.url)).read_bytes() == CONTENT
    assert site.ranges[1].startswith("bytes=")


def test_of_two_processes_one_downloads(site):
    site.pause_s = 0.2
    code = in_another_process(site)
    processes = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]
    assert [process.wait(timeout=30) for process in processes] == [0, 0]
    assert len(site.requests) == 1


def in_another_process(site) -> str:
    return (
        "from commonfate.weights import Asset, fetch\n"
        f"fetch(Asset.named_by_hash('net.things', '{site.url}'))"
    )


def test_a_server_that_ignores_ranges_starts_over(site, caplog):
    site.knows_ranges = False
    site.cuts = [140_000]
    with caplog.at_level(logging.INFO):
        assert fetch(asset(site.url)).read_bytes() == CONTENT
    assert "the server sends it from the beginning again" in caplog.text


def test_attempts_end_where_none_gets_further(site):
    site.knows_ranges = False
    site.cuts = 99 * [140_000]
    assert "4 times" in refused(site.url)
    assert len(site.requests) == 4


@pytest.mark.parametrize("knows_if_range", [True, False])
def test_parts_of_two_versions_are_not_put_together(site, knows_if_range, monkeypatch, caplog):
    site.knows_if_range = knows_if_range
    site.content, site.etag, site.cuts = bytes(300_000), '"old"', [140_000]
    replace_after_a_cut(site, '"new"', monkeypatch)
    with caplog.at_level(logging.INFO):
        assert fetch(asset(site.url)).read_bytes() == CONTENT
    expected = "from the beginning again" if knows_if_range else "another one than before"
    assert expected in caplog.text
    assert "do not belong together" not in caplog.text


def test_without_etags_the_hash_tells_that_parts_do_not_fit(site, monkeypatch, caplog):
    site.content, site.etag, site.cuts = bytes(300_000), "", [140_000]
    replace_after_a_cut(site, "", monkeypatch)
    assert fetch(asset(site.url)).read_bytes() == CONTENT
    assert "its parts do not belong together; starting over" in caplog.text
    assert site.ranges[2] is None


def replace_after_a_cut(site, etag, monkeypatch) -> None:
    """The server gets the right file between the first and the second attempt."""

    def sleep(_) -> None:
        site.content, site.etag = CONTENT, etag

    monkeypatch.setattr(weights_cache.time, "sleep", sleep)


def test_a_file_that_got_shorter_is_fetched_from_the_start(site, cache):
    site.content, site.etag, site.cuts = bytes(400_000), "", [350_000, 0, 0, 0]
    refused(site.url)
    site.content = CONTENT
    assert fetch(asset(site.url)).read_bytes() == CONTENT


def test_a_wrong_file_is_named_with_both_hashes_and_moved_aside(site, cache):
    site.content = b"wrong" * 1000
    message = refused(site.url)
    digest = hashlib.sha256(site.content).hexdigest()
    assert f"{site.url}: wrong file (5,000 bytes long): sha256 is {digest}" in message
    assert (
        f"expected sha256 {SHA256[:8]}... (weak); moved to net-{SHA256[:8]}.ckpt.wrong" in message
    )
    assert names(cache) == {f"net-{SHA256[:8]}.ckpt.wrong"}
    site.content = CONTENT
    assert fetch(asset(site.url)).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("content", "looks"),
    [
        (b"\n<!DOCTYPE html><title>Log in</title>", "an HTML page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "a Git LFS pointer"),
    ],
)
def test_what_came_instead_is_recognised(site, content, looks):
    site.content = content
    assert f"wrong file ({looks}): sha256 is" in refused(site.url)


def unverifiable(*urls: str) -> Asset:
    """An asset without a known hash."""
    return Asset("net.tiny", urls, "net.ckpt", None, home="https://weights.invalid/net")


def test_a_file_without_a_known_hash_is_taken_and_the_user_is_told(site, cache, caplog):
    path = fetch(unverifiable(site.url))
    assert path.read_bytes() == CONTENT
    assert (
        f"no hash is known, so the file is taken as it came; its sha256 is {SHA256}" in caplog.text
    )
    caplog.clear()
    assert fetch(unverifiable(site.url)) == path
    assert not caplog.text
    assert len(site.requests) == 1


def test_a_web_page_is_refused_where_no_hash_is_known(site, cache):
    site.content = b"<html><title>Rate limit</title>" + bytes(1000)
    with pytest.raises(UserError, match=r"wrong file \(an HTML page\): moved to net\.ckpt\.wrong"):
        fetch(unverifiable(site.url))
    assert names(cache) == {"net.ckpt.wrong"}


@pytest.mark.parametrize("etag", ['"one"', ""])
def test_parts_without_a_known_hash_need_a_server_that_vouches_for_them(site, etag, caplog):
    site.etag, site.cuts = etag, [140_000]
    assert fetch(unverifiable(site.url)).read_bytes() == CONTENT
    vouched = bool(etag)
    assert ("do not belong together; starting over" in caplog.text) is not vouched
    assert len(site.requests) == (2 if vouched else 3)


def test_a_file_without_a_known_address_must_be_put_there_by_hand(cache):
    with pytest.raises(UserError) as caught:
        fetch(unverifiable())
    assert str(caught.value) == (
        "net.tiny: cannot be fetched: no address of it is known here. Fetch it by other means "
        "(look at https://weights.invalid/net) and put it as net.ckpt (no hash is known) into "
        f"{cache}; the config key weights_folder or $COMMONFATE_WEIGHTS moves {cache.parent}"
    )
    (cache / "net.ckpt").write_bytes(CONTENT)
    assert fetch(unverifiable()) == cache / "net.ckpt"


def test_a_pointer_of_git_lfs_is_refused_although_git_stores_it(site):
    pointer = (
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{SHA256}\nsize {len(CONTENT)}\n"
    ).encode()
    blob = hashlib.sha1(b"blob %d\0" % len(pointer) + pointer).hexdigest()
    in_lfs = Asset("net.lfs", (site.url,), "net.ckpt", Digest("git-blob-sha1", blob))
    site.content = pointer
    with pytest.raises(UserError, match=r"wrong file \(a Git LFS pointer\): "):
        fetch(in_lfs)
    site.content = CONTENT
    assert fetch(in_lfs).read_bytes() == CONTENT


def test_a_web_page_is_refused_by_its_type(site, cache):
    site.type = "text/html; charset=utf-8"
    assert "a web page comes instead of the file (an error page, or a login)" in refused(site.url)
    assert names(cache) == set()


def test_a_missing_file_is_not_asked_for_again(site):
    site.statuses = [404]
    assert f"{site.url}: HTTP 404 Not Found. Fetch it by other means" in refused(site.url)
    assert len(site.requests) == 1


def test_errors_of_the_server_that_pass_are_waited_for(site, caplog):
    site.statuses = [500, 503]
    assert fetch(asset(site.url)).read_bytes() == CONTENT
    assert "HTTP 500 Internal Server Error; trying again" in caplog.text


def test_errors_of_the_server_that_stay_are_told(site):
    site.statuses = 9 * [503]
    assert "HTTP 503 Service Unavailable, 4 times" in refused(site.url)
    assert len(site.requests) == 4


def test_a_mirror_takes_over(site):
    dead = f"{nothing_listens()}/net.ckpt"
    site.statuses = [404]
    gone = site.url.replace("/net-", "/gone-")
    assert fetch(asset(dead, gone, site.url)).read_bytes() == CONTENT
    assert [path.split("-")[0] for path, _ in site.requests] == ["/gone", "/net"]


def test_a_silent_server_is_given_up(site, monkeypatch):
    monkeypatch.setattr(transfer, "TIMEOUTS_S", (1.0, 0.05))
    monkeypatch.setattr(weights_cache, "ATTEMPTS", 2)
    site.pause_s = 0.3
    assert "nothing came for 0.05 s" in refused(site.url)


def test_without_network_one_message_says_what_to_put_where(cache):
    url = f"{nothing_listens()}/net-{SHA256[:8]}.ckpt"
    assert refused(url) == (
        f"net.things: cannot be fetched: {url}: not reachable (Connection refused), 4 times. "
        f"Fetch it by other means and put it as net-{SHA256[:8]}.ckpt "
        f"(sha256 {SHA256[:8]}... (weak)) into {cache}; "
        f"the config key weights_folder or $COMMONFATE_WEIGHTS moves {cache.parent}"
    )
    assert names(cache) == set()
    (cache / f"net-{SHA256[:8]}.ckpt").write_bytes(CONTENT)
    assert fetch(asset(url)).read_bytes() == CONTENT


def test_a_file_that_is_there_is_read_from_a_folder_that_cannot_be_written(cache):
    cache.mkdir(parents=True)
    path = cache / f"net-{SHA256[:8]}.ckpt"
    path.write_bytes(CONTENT)
    assert fetch(asset("http://127.0.0.1:9/")) == path
    assert list(cache.iterdir()) == [path]  # nothing was written, no lock either


def test_parts_of_a_file_that_was_put_there_by_hand_are_removed(site, cache):
    site.cuts = [140_000, 0, 0, 0]
    refused(site.url)
    path = cache / f"net-{SHA256[:8]}.ckpt"
    parts = names(cache)
    assert len(parts) == 2
    path.write_bytes(CONTENT)
    with exclusive(path):  # another process is about to find it
        assert fetch(asset(site.url)) == path
        assert names(cache) == {path.name, *parts}
    assert fetch(asset(site.url)) == path
    assert names(cache) == {path.name}
    assert len(site.requests) == 4


def test_a_wrong_file_put_there_by_hand_is_fetched_anew_or_told(site, cache):
    cache.mkdir(parents=True)
    path = cache / f"net-{SHA256[:8]}.ckpt"
    path.write_bytes(b"not it")
    digest = hashlib.sha256(b"not it").hexdigest()
    message = refused(f"{nothing_listens()}/net.ckpt")
    assert f"{path}: wrong file (6 bytes long): sha256 is {digest}, expected sha256" in message
    assert "not reachable" in message
    assert names(cache) == {f"{path.name}.wrong"}
    path.write_bytes(b"not it")
    assert fetch(asset(site.url)).read_bytes() == CONTENT


def test_proxies_of_the_environment_are_used(site, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{site.server_port}")
    url = "http://weights.invalid/net.ckpt"
    assert fetch(asset(url)).read_bytes() == CONTENT
    assert site.requests[0][0] == url


def test_an_unreachable_proxy_is_named_as_such(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", nothing_listens())
    message = refused("https://weights.invalid/net.ckpt")
    assert "the proxy is not reachable (Connection refused)" in message


def test_a_folder_that_cannot_be_written_is_named(site, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("COMMONFATE_WEIGHTS", str(tmp_path / "file"))
    with pytest.raises(StoreError, match=r"file/flow/net-.*\.ckpt: cannot be written \(.*WEIGHTS"):
        fetch(asset(site.url))


def test_a_full_disk_is_told_and_what_has_come_is_kept(site, cache, monkeypatch):
    def full(chunks, *_):
        yield next(chunks)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(transfer, "track_bytes", full)
        with pytest.raises(StoreError, match=r"written \(No space left on device\)"):
            fetch(asset(site.url))
    assert fetch(asset(site.url)).read_bytes() == CONTENT
    assert site.ranges == [None, f"bytes={transfer.CHUNK}-"]
