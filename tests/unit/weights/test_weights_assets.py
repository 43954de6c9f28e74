"""What weights are known by: hashes, names, places."""

import hashlib
import re

import pytest

from commonfate.weights import Asset, Digest, folder, known, place

BLOB = (
    "95d09f2b10159347eece71399a7e2e907ea3df4f"  # `printf 'hello world' | git hash-object --stdin`
)


def test_git_names_a_file_by_its_size_and_bytes(tmp_path):
    file = tmp_path / "hello"
    file.write_bytes(b"hello world")
    digest = Digest.parse(f"git-blob-sha1:{BLOB}")
    assert digest.of(file) == BLOB
    assert digest.matches(file)
    assert str(digest) == f"git-blob-sha1 {BLOB}"
    file.write_bytes(b"hello world\n")
    assert not digest.matches(file)


def test_the_beginning_of_a_sha256_is_enough(tmp_path):
    file = tmp_path / "abc"
    file.write_bytes(b"abc")
    whole = hashlib.sha256(b"abc").hexdigest()
    assert whole.startswith("ba7816bf")  # FIPS 180-4's example
    assert Digest("sha256", "ba7816bf").of(file) == whole
    assert Digest("sha256", "ba7816bf").matches(file)
    assert Digest("sha256", whole).matches(file)
    assert str(Digest("sha256", "ba7816bf")) == "sha256 ba7816bf..."
    assert str(Digest("sha256", whole)) == f"sha256 {whole}"
    assert not Digest("sha256", "a7816bf8").matches(file)


@pytest.mark.parametrize("text", ["md5:d41d8cd98f00b204", "sha256:ba7816b", "sha256:BA7816BF"])
def test_hashes_that_cannot_be_compared_are_refused(text):
    with pytest.raises(ValueError, match=re.escape(text.split(":")[1]) + "|algorithm"):
        Digest.parse(text)


def test_addresses_carry_the_hash():
    asset = Asset.named_by_hash("raft.things", "https://host/w1/raft-things-802bbcfd.ckpt?raw=1")
    assert asset.file == "raft-things-802bbcfd.ckpt"
    assert asset.digest == Digest("sha256", "802bbcfd")
    with pytest.raises(ValueError, match=r"https://host/raft-things\.ckpt carries no hash"):
        Asset.named_by_hash("raft.things", "https://host/raft-things.ckpt")


def test_the_table_is_whole():
    assert set(known()) == {
        f"arflow.{name}" for name in ("sintel", "sintel_raw", "kitti15", "kitti12", "cityscapes")
    }
    for asset in known().values():
        assert asset.urls
        assert all(url.startswith("https://") for url in asset.urls)
        assert asset.digest.algorithm == "git-blob-sha1"
        assert len(asset.digest.value) == 40
    places = [place(asset, "x") for asset in known().values()]
    assert len(set(places)) == len(places)


def test_the_folder_is_the_callers_then_the_environments_then_the_users(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("COMMONFATE_WEIGHTS", "~/mine")
    assert folder("/given") == folder("/given/")
    assert str(folder("/given")) == "/given"
    assert folder() == tmp_path / "mine"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("COMMONFATE_WEIGHTS", "")
    assert folder() == tmp_path / "cache" / "commonfate" / "weights"
    monkeypatch.delenv("COMMONFATE_WEIGHTS")
    assert folder() == tmp_path / "cache" / "commonfate" / "weights"
    assert place(known()["arflow.sintel"], "w").as_posix() == "w/flow/arflow-sintel-pwclite_ar.tar"
