"""How commands end: exit codes, and what is said."""

import os
import subprocess
import sys

import click
import pytest

import commonfate
from commonfate.base.errors import UserError
from commonfate.cli import endings

RUN = "from commonfate.cli import main; main()"


def raises(error: BaseException):
    def command():
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyboardInterrupt(), 130),
        (click.Abort(), 130),
        (BrokenPipeError(32, "Broken pipe"), 1),
    ],
)
def test_silent_ends(error, code, capsys, monkeypatch, tmp_path):
    # A file of its own: the rest of the output is sent nowhere, and pytest's must stay.
    with (tmp_path / "output").open("w") as output:
        monkeypatch.setattr(sys, "stdout", output)
        assert endings.run(raises(error)) == code
        monkeypatch.undo()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (UserError("a.mp4: no video"), 1, "a.mp4: no video"),
        (click.UsageError("no such option"), 2, "commonfate: no such option"),
        (PermissionError(13, "Permission denied", "a.mp4"), 1, "a.mp4: no permission"),
        (
            UnicodeEncodeError("utf-8", "o/\udce9", 2, 3, "surrogates not allowed"),
            1,
            r"o/\xe9: this name is not UTF-8; ",
        ),
    ],
)
def test_mistakes_are_one_line(error, code, said, capsys):
    assert endings.run(raises(error)) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(said)


def test_a_bug_keeps_its_traceback_and_says_what_to_report(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/bin/commonfate", "flow", "my clip.mp4"])
    assert endings.run(raises(KeyError("video"))) == 1
    *traceback, last = capsys.readouterr().err.splitlines()
    assert traceback[0].startswith("Traceback")
    assert traceback[-1] == "KeyError: 'video'"
    assert "bug" in last and commonfate.__version__ in last
    assert last.endswith("commonfate flow 'my clip.mp4'")


def test_a_reader_that_has_gone_is_no_error():
    """As `commonfate weights list | head -1`."""
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-c", RUN, "weights", "list"]
    ended = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert (ended.returncode, ended.stderr) == (1, "")
