"""What weights are known by: hashes, names, places."""

import hashlib
import re

import pytest

from commonfate.weights import Asset, Digest, cached_path, folder, published_assets

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
    assert str(Digest("sha256", "ba7816bf")) == "sha256 ba7816bf... (weak)"
    assert str(Digest("sha256", whole)) == f"sha256 {whole}"
    assert not Digest("sha256", "a7816bf8").matches(file)


def test_an_md5_is_weak_however_long(tmp_path):
    file = tmp_path / "abc"
    file.write_bytes(b"abc")
    whole = "900150983cd24fb0d6963f7d28e17f72"  # RFC 1321's example
    assert Digest("md5", "900150").matches(file)
    assert not Digest("md5", "900151").matches(file)
    assert Digest.parse("md5:900150").of(file) == whole
    assert str(Digest("md5", "900150")) == "md5 900150... (weak)"
    assert str(Digest("md5", whole)) == f"md5 {whole} (weak)"


def test_a_file_in_git_lfs_is_known_by_its_pointer(tmp_path):
    file = tmp_path / "abc"
    file.write_bytes(b"abc")
    sha256 = hashlib.sha256(b"abc").hexdigest()
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize 3\n"
    # `printf 'version ...' | git hash-object --stdin`
    digest = Digest("git-blob-sha1", "80d7d501c2b256023dc42e46d958b9ac2ec283ee")
    assert digest.matches(file)
    assert digest.of(file) == digest.value
    file.write_bytes(b"abd")
    assert not digest.matches(file)
    # What git stores is that text, but it is no weights.
    file.write_text(pointer)
    assert digest.matches(file)
    assert not Asset("net", (), "abc", digest).matches(file)


def test_without_a_hash_only_plainly_wrong_files_are_refused(tmp_path):
    file = tmp_path / "net.pth"
    unknown = Asset("net", (), file.name, None)
    assert unknown.hash == "no hash is known"
    file.write_bytes(b"anything")
    assert unknown.matches(file)
    for content in (b"\n<!DOCTYPE html>", b"<html lang=en>", b"version https://git-lfs.github.com"):
        file.write_bytes(content)
        assert not unknown.matches(file)


@pytest.mark.parametrize("text", ["sha1:d41d8cd98f00b204", "sha256:ba781", "sha256:BA7816BF"])
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
    names = {
        "flow": [
            "arflow." + n for n in ("sintel", "sintel_raw", "kitti15", "kitti12", "cityscapes")
        ],
        "backbone": [
            *("dino." + n for n in ("vits8", "vits16", "vitb8", "vitb16")),
            "moby.swin_tiny",
            *("supervised." + n for n in ("swin_tiny", "resnet50")),
        ],
        "encoder": [
            *(f"dino.{n}.full" for n in ("vits8", "vits16", "vitb8", "vitb16")),
            *("dinov2." + n for n in ("vits14", "vitb14")),
            *("ibot." + n for n in ("vits16", "vitb16")),
            "msn.vits16",
            *("mocov3." + n for n in ("vits16", "vitb16")),
            "swav.resnet50",
            *("leopart." + n for n in ("vits16", "vitb8")),
            "timet.vits16",
        ],
        "segmentation": ["gwm." + n for n in ("davis", "stv2", "fbms", "joint")],
    }
    result = {
        kind: [n for n, asset in published_assets().items() if asset.kind == kind] for kind in names
    }
    assert result == names
    assert len(published_assets()) == sum(map(len, names.values()))
    places = [cached_path(asset, "x") for asset in published_assets().values()]
    assert len(set(places)) == len(places)
    for asset in published_assets().values():
        assert all(url.startswith("https://") for url in (*asset.urls, asset.home))


def test_what_is_not_known_of_files_is_not_claimed():
    without_hash = [name for name, asset in published_assets().items() if asset.digest is None]
    without_address = [name for name, asset in published_assets().items() if not asset.urls]
    encoders = [name for name, asset in published_assets().items() if asset.kind == "encoder"]
    assert without_hash == ["moby.swin_tiny", "supervised.swin_tiny", *encoders]
    assert without_address == ["moby.swin_tiny"]
    for asset in published_assets().values():
        if asset.digest is not None and asset.digest.algorithm == "git-blob-sha1":
            assert not asset.digest.weak
            assert len(asset.digest.value) == 40
            assert re.search("/raw/[0-9a-f]{40}/", asset.urls[0])  # a commit, not a branch
    assert published_assets()["dino.vits8"].hash == "md5 230cd5... (weak)"


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
    assert (
        cached_path(published_assets()["arflow.sintel"], "w").as_posix()
        == "w/flow/arflow-sintel-pwclite_ar.tar"
    )
