"""Looking for files: natural order, hidden entries, folders without files."""

import errno
import os

import pytest

from commonfate.base.errors import StoreError
from commonfate.datasets import search


def test_natural_order():
    names = ["f10.png", "f9.png", "f009.png", "a2b10", "a2b9", "f"]
    expected = ["a2b9", "a2b10", "f", "f9.png", "f009.png", "f10.png"]
    assert sorted(names, key=search.natural) == expected


def test_holds_no_file(tmp_path):
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/loop").symlink_to(tmp_path)
    (tmp_path / "a/.hidden").touch()
    assert search.holds_no_file(tmp_path)
    (tmp_path / "a/b/file").touch()
    assert not search.holds_no_file(tmp_path)


def test_images_and_subfolders(tmp_path):
    for name in ("b10.PNG", "b9.jpg", "note.txt", ".b8.jpg"):
        (tmp_path / name).touch()
    for name in ("seq10", "seq2", ".git", "folder.jpg"):
        (tmp_path / name).mkdir()
    assert list(search.images(tmp_path)) == ["b9", "b10"]
    assert [item.name for item in search.subfolders(tmp_path)] == ["folder.jpg", "seq2", "seq10"]


def test_what_cannot_be_opened_is_listed_nevertheless(tmp_path):
    (tmp_path / "1.png").symlink_to("/gone")
    os.mkfifo(tmp_path / "2.png")
    (tmp_path / "3.png").mkdir()
    assert list(search.images(tmp_path)) == ["1", "2"]


def test_folders_that_cannot_be_listed_are_told(tmp_path, monkeypatch):
    (tmp_path / "closed").mkdir()
    listed = os.scandir

    def scandir(path):
        if str(path).endswith("closed"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    errors = []
    assert list(search.walk(tmp_path, errors.append)) == [(tmp_path, [])]
    assert [error.filename for error in errors] == [str(tmp_path / "closed")]
    assert not search.holds_no_file(tmp_path)  # nobody knows


@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_lines_of_a_list(tmp_path, start):
    path = tmp_path / "train.txt"
    path.write_bytes(f"{start}bear\r\n\r\n # cow\r\n  dog \n".encode())
    assert search.lines(path) == [(1, "bear"), (4, "dog")]


def test_a_list_in_another_encoding(tmp_path):
    path = tmp_path / "train.txt"
    path.write_text("bear\n", encoding="utf-16")
    with pytest.raises(StoreError, match=r"train\.txt: this list is not UTF-8 text; save"):
        search.lines(path)
