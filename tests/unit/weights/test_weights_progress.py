"""Progress of a download, and the note that lets it be resumed."""

import logging
import sys

import pytest

from commonfate.base import progress
from commonfate.weights.transfer import Partial, Version


def test_a_log_gets_lines_now_and_then(monkeypatch, caplog):
    seconds = iter([0.0, 10.0, 20.0, 30.0, 40.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(seconds))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
    chunks = [bytes(1_000_000)] * 4
    with caplog.at_level(logging.INFO):
        assert list(progress.track_bytes(chunks, "raft.things", 6_000_000, 2_000_000)) == chunks
    # At 20 s two MB have come, at 40 s all four.
    assert [record.message for record in caplog.records] == [
        "raft.things: 4.0 of 6.0 MB, 0.1 MB/s, 20 s left",
        "raft.things: 6.0 of 6.0 MB, 0.1 MB/s, 0 s left",
    ]


def test_a_log_gets_lines_without_a_known_size(monkeypatch, caplog):
    seconds = iter([0.0, 16.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(seconds))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
    with caplog.at_level(logging.INFO):
        list(progress.track_bytes([bytes(3_200_000)], "net", None))
    assert caplog.messages == ["net: 3.2 MB, 0.2 MB/s"]


def test_a_terminal_gets_a_bar(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert list(progress.track_bytes([b"12", b"3"], "raft.things", 3)) == [b"12", b"3"]
    assert "raft.things" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("later", "same"),
    [
        (Version("u", 9, '"a"', "Mon"), True),
        (Version("u", 9), True),
        (Version("u", 9, '"b"', "Mon"), False),
        (Version("u", 9, '"a"', "Tue"), False),
        (Version("u", 8, '"a"', "Mon"), False),
        (Version("v", 9, '"a"', "Mon"), False),
    ],
)
def test_parts_of_the_same_file_are_told_by_what_servers_say(later, same):
    assert Version("u", 9, '"a"', "Mon").is_of_the_same_file(later) is same


def test_weak_etags_are_no_condition():
    assert Version("u", 9, '"a"', "Mon").validator == '"a"'
    assert Version("u", 9, 'W/"a"', "Mon").validator == "Mon"
    assert Version("u", 9, 'W/"a"').validator == ""


def test_a_part_without_its_note_is_not_gone_on_from(tmp_path):
    partial = Partial(tmp_path / "net.ckpt")
    partial.path.write_bytes(b"123")
    assert partial.version() is None
    version = Version("u", 9, '"a"', "Mon")
    partial.begin(version)
    assert partial.version() is None  # no byte yet
    partial.path.write_bytes(b"123")
    assert Partial(tmp_path / "net.ckpt").version() == version
    partial.complete(tmp_path / "net.ckpt")
    assert [path.name for path in tmp_path.iterdir()] == ["net.ckpt"]
