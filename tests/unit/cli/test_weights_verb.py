"""`commonfate weights`: tables, exit codes, messages."""

import hashlib
import json

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import save_file

from commonfate.cli.weights import command
from commonfate.errors import StoreError, UserError
from commonfate.flow import weights
from commonfate.weights import Asset

GOOD = hashlib.sha256(b"good").hexdigest()


@pytest.fixture(autouse=True)
def known(tmp_path, monkeypatch):
    """Three published networks, one that ships, and an empty cache."""
    names = ("raft.things", "raft.sintel", "pwcnet.sintel")
    urls = [f"https://127.0.0.1:9/{name.replace('.', '-')}-{GOOD[:8]}.ckpt" for name in names]
    assets = dict(zip(names, map(Asset.named_by_hash, names, urls), strict=True))
    file = tmp_path / "tiny.sprites.safetensors"
    metadata = {"network": "tiny", "epe": json.dumps({"sprites": 0.5})}
    save_file({"a": torch.zeros(1)}, file, metadata)
    monkeypatch.setattr(weights, "every", lambda: assets)
    monkeypatch.setattr(weights, "bundled", lambda: {"tiny.sprites": file})
    monkeypatch.setenv("COMMONFATE_WEIGHTS", str(tmp_path / "cache"))
    (tmp_path / "cache" / "flow").mkdir(parents=True)
    return tmp_path / "cache" / "flow"


def run(*arguments: str) -> str:
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_list_says_what_is_here(known):
    (known / f"raft-things-{GOOD[:8]}.ckpt").write_bytes(b"good")
    lines = {line.split()[0]: line.split() for line in run("list").splitlines()[2:-1]}
    assert list(lines) == ["tiny.sprites", "raft.things", "raft.sintel", "pwcnet.sintel"]
    assert lines["tiny.sprites"][-3:] == ["this", "package", "yes"]
    file = f"raft-things-{GOOD[:8]}.ckpt"
    assert lines["raft.things"][1:] == [
        file,
        "0.0",
        "sha256",
        f"{GOOD[:8]}...",
        "127.0.0.1:9",
        "yes",
    ]
    assert lines["raft.sintel"][2:] == ["?", "sha256", f"{GOOD[:8]}...", "127.0.0.1:9", "no"]


def test_list_takes_beginnings_of_names():
    said = run("list", "raft.", "tiny", "--urls")
    assert f"https://127.0.0.1:9/raft-sintel-{GOOD[:8]}.ckpt" in said
    assert "pwcnet" not in said
    assert "tiny.sprites" in said
    with pytest.raises(UserError, match="no weights have names that begin with zzz"):
        run("list", "zzz")


def test_fetch_prints_paths_and_goes_on_after_a_failure(known, monkeypatch):
    def fetch(asset):
        if asset.name == "raft.sintel":
            raise UserError("raft.sintel: cannot be fetched")
        return known / asset.file

    monkeypatch.setattr("commonfate.weights.fetch", fetch)
    said = run("fetch", "raft.things", "tiny.sprites")
    assert f"raft.things: {known}/raft-things-{GOOD[:8]}.ckpt" in said
    assert "tiny.sprites.safetensors" in said
    arguments = ["fetch", "raft.sintel", "pwcnet.sintel"]
    result = CliRunner().invoke(command, arguments)
    assert "pwcnet.sintel: " in result.output
    assert str(result.exception) == "raft.sintel: cannot be fetched"


def test_fetch_suggests_a_name_and_fetches_nothing_then(monkeypatch):
    monkeypatch.setattr("commonfate.weights.fetch", lambda _: pytest.fail("fetched"))
    with pytest.raises(UserError, match=r"'raft.thing' are unknown; did you mean raft\.things\?"):
        run("fetch", "raft.things", "raft.thing")


def test_check_names_wrong_files(known):
    assert "no weights are here" in run("check")
    (known / f"raft-things-{GOOD[:8]}.ckpt").write_bytes(b"good")
    (known / ".raft-sintel.ckpt.part").write_bytes(b"go")
    (known / ".raft-sintel.ckpt.lock").touch()
    (known / "raft-sintel.ckpt.wrong").write_bytes(b"html")
    (known / "mine.ckpt").write_bytes(b"mine")
    said = run("check")
    assert "raft.things  good" in said
    assert "part of an unfinished download" in said
    assert "moved aside for its wrong bytes" in said
    assert "not known here" in said
    assert ".lock" not in said
    (known / f"pwcnet-sintel-{GOOD[:8]}.ckpt").write_bytes(b"bad")
    with pytest.raises(StoreError, match=r"1 of 5 files are wrong: flow/pwcnet-sintel-.*\.ckpt; "):
        run("check")


def test_show_prints_how_weights_were_trained():
    said = run("show", "tiny.sprites")
    assert "network: tiny" in said
    assert '"sprites": 0.5' in said
    with pytest.raises(UserError, match=r"did you mean tiny\.sprites\? bundled: tiny\.sprites"):
        run("show", "tiny.sprite")
