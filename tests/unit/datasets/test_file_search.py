"""Looking for files: natural order, hidden entries, folders without files."""

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
    assert [one.name for one in search.subfolders(tmp_path)] == ["folder.jpg", "seq2", "seq10"]
