"""Paths that cannot be opened: said without opening them, links followed."""

import os
import socket

import pytest

from commonfate.datasets import VideoSource, on_disk


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.mp4"


def test_a_file_and_a_link_to_it_have_no_fault(path, tmp_path):
    path.touch()
    (tmp_path / "link").symlink_to(path)
    assert on_disk.file_fault(path) == on_disk.file_fault(str(tmp_path / "link")) == ""


def test_links_that_lead_nowhere(path):
    assert on_disk.file_fault(path) == "no such file"
    path.symlink_to("/gone/b.mp4")
    assert on_disk.file_fault(path) == (
        "a broken link to /gone/b.mp4; fetch the file (git annex get, dvc pull)"
    )
    path.unlink()
    path.symlink_to(path)
    assert on_disk.file_fault(path) == "cannot be read: Too many levels of symbolic links"


def test_what_is_no_file(path, tmp_path, monkeypatch):
    os.mkfifo(path)
    assert on_disk.file_fault(path) == "a pipe, not a file"
    assert on_disk.file_fault("/dev/null") == "a device, not a file"
    assert on_disk.file_fault(tmp_path) == "a folder, not a file"
    monkeypatch.chdir(tmp_path)  # names of sockets are short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
        assert on_disk.file_fault("s") == "a socket, not a file"


def test_names_that_are_not_utf8_become_a_fault():
    name = os.fsdecode(b"/v/caf\xe9/1.png")
    source = VideoSource("caf_", "train", os.fsdecode(b"/v/caf\xe9"), frame_files=(name, name))
    changed = on_disk.nameable(source)
    assert (changed.path, changed.frame_files) == (r"/v/caf\xe9", None)
    assert "not UTF-8" in changed.fault and "rename" in changed.fault
    plain = VideoSource("é", "train", "/v/é.mp4")
    assert on_disk.nameable(plain) is plain
