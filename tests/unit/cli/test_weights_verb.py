"""`commonfate weights`: tables, exit codes, messages."""

import hashlib
import json

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import save_file

from commonfate.base.errors import StoreError, UserError
from commonfate.cli.weights import command
from commonfate.flow.estimators import networks
from commonfate.weights import Asset, Digest

GOOD = hashlib.sha256(b"good").hexdigest()
MD5 = Digest("md5", hashlib.md5(b"good").hexdigest()[:6])


@pytest.fixture(autouse=True)
def known(tmp_path, monkeypatch):
    """Three published flow networks, two others, one that ships, and an empty cache."""
    names = ("raft.things", "raft.sintel", "pwcnet.sintel")
    urls = [f"https://127.0.0.1:9/{name.replace('.', '-')}-{GOOD[:8]}.ckpt" for name in names]
    assets = dict(zip(names, map(Asset.named_by_hash, names, urls), strict=True))
    file = tmp_path / "tiny.sprites.safetensors"
    metadata = {"network": "tiny", "epe": json.dumps({"sprites": 0.5})}
    save_file({"a": torch.zeros(1)}, file, metadata)
    others = [
        Asset("net.tiny", (), "tiny.pth", None, "backbone", home="https://127.0.0.1:9/net"),
        Asset("seg.one", ("https://127.0.0.1:9/seg",), "seg.pth", MD5, "segmentation", 4_600_000),
    ]
    monkeypatch.setattr(networks, "downloads", lambda: assets)
    published = {asset.name: asset for asset in others}
    monkeypatch.setattr("commonfate.weights.published_assets", lambda: published)
    shipped = {"flow": {"tiny.sprites": file}, None: {"tiny.sprites": file}}
    monkeypatch.setattr("commonfate.weights.bundled", lambda kind=None: shipped.get(kind, {}))
    monkeypatch.setenv("COMMONFATE_WEIGHTS", str(tmp_path / "cache"))
    (tmp_path / "cache" / "flow").mkdir(parents=True)
    return tmp_path / "cache" / "flow"


def run(*arguments: str) -> str:
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_list_says_what_is_here(known):
    (known / f"raft-things-{GOOD[:8]}.ckpt").write_bytes(b"good")
    rows, (weak, where) = run("list").splitlines()[2:-2], run("list").splitlines()[-2:]
    lines = {row.split()[0]: row.split()[1:] for row in rows}
    assert list(lines) == [
        "tiny.sprites",
        "raft.things",
        "raft.sintel",
        "pwcnet.sintel",
        "net.tiny",
        "seg.one",
    ]
    assert lines["tiny.sprites"][0] == "flow"
    assert lines["tiny.sprites"][-3:] == ["this", "package", "yes"]
    file, shown = f"raft-things-{GOOD[:8]}.ckpt", ["sha256", f"{GOOD[:8]}...", "(weak)"]
    assert lines["raft.things"] == ["flow", file, "0.0", *shown, "127.0.0.1:9", "yes"]
    assert lines["raft.sintel"][2:] == ["?", *shown, "127.0.0.1:9", "no"]
    assert weak.startswith("weak: the hash tells a damaged file")
    assert where.startswith(f"Fetched files are kept in {known.parent}")


def test_list_says_what_kind_weights_are_and_how_they_are_known():
    rows = {row.split()[0]: row for row in run("list").splitlines()}
    assert rows["net.tiny"].split()[1] == "backbone"
    assert "no hash is known" in rows["net.tiny"]
    assert "by hand: https://127.0.0.1:9/net" in rows["net.tiny"]
    shown = ["segmentation", "seg.pth", "4.6", "md5", f"{MD5.value}...", "(weak)", "127.0.0.1:9"]
    assert rows["seg.one"].split()[1:-1] == shown
    assert "weak" not in run("list", "net.tiny")


def test_list_takes_beginnings_of_names():
    message = run("list", "raft.", "tiny", "--urls")
    assert f"https://127.0.0.1:9/raft-sintel-{GOOD[:8]}.ckpt" in message
    assert "pwcnet" not in message
    assert "tiny.sprites" in message
    with pytest.raises(UserError, match="no weights have names that begin with zzz"):
        run("list", "zzz")


def test_fetch_prints_paths_and_goes_on_after_a_failure(known, monkeypatch):
    def fetch(asset):
        if asset.name == "raft.sintel":
            raise UserError("raft.sintel: cannot be fetched")
        return known / asset.file

    monkeypatch.setattr("commonfate.weights.fetch", fetch)
    message = run("fetch", "raft.things", "tiny.sprites")
    assert f"raft.things: {known}/raft-things-{GOOD[:8]}.ckpt" in message
    assert "tiny.sprites.safetensors" in message
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
    message = run("check")
    assert "raft.things  good" in message
    assert "part of an unfinished download" in message
    assert "moved aside for its wrong bytes" in message
    assert "not known here" in message
    assert ".lock" not in message
    (known / f"pwcnet-sintel-{GOOD[:8]}.ckpt").write_bytes(b"bad")
    with pytest.raises(StoreError, match=r"1 of 5 files are wrong: flow/pwcnet-sintel-.*\.ckpt; "):
        run("check")


def test_check_says_which_files_cannot_be_verified(known):
    (known.parent / "backbone").mkdir()
    file = known.parent / "backbone" / "tiny.pth"
    file.write_bytes(b"anything")
    sha256 = hashlib.sha256(b"anything").hexdigest()
    assert f"cannot be verified: no hash is known; its sha256 is {sha256}" in run("check")
    file.write_bytes(b"<!doctype html><title>Not found</title>")
    result = CliRunner().invoke(command, ["check"])
    assert "WRONG: this is an HTML page" in result.output
    assert "1 of 1 files are wrong: backbone/tiny.pth" in str(result.exception)


def test_show_prints_how_weights_were_trained():
    message = run("show", "tiny.sprites")
    assert "network: tiny" in message
    assert '"sprites": 0.5' in message
    with pytest.raises(UserError, match=r"did you mean tiny\.sprites\? bundled: tiny\.sprites"):
        run("show", "tiny.sprite")


def test_pack_writes_a_small_encoder_that_says_what_it_is(tmp_path):
    """From a checkpoint as training writes it; the file is an encoder, and the same each time."""
    from commonfate.methods.maskfeat.method import create
    from commonfate.methods.maskfeat.settings import MaskFeatSettings
    from commonfate.models.encoders.create import create as encoder_of

    settings = MaskFeatSettings(dim=32, depth=2, heads=1, crop=48, scales=(3,))
    model = create(settings).build()
    state = {"model": model.state_dict(), "settings": settings.model_dump(mode="json")}
    state |= {"method": "maskfeat", "seed": 3, "iteration": 7}
    torch.save(state, tmp_path / "checkpoint.pt")
    (tmp_path / "figures.json").write_text('{"camvid": 30.5}')
    files = [tmp_path / "a.safetensors", tmp_path / "b.safetensors"]
    for file in files:
        checkpoint, figures = str(tmp_path / "checkpoint.pt"), str(tmp_path / "figures.json")
        output = run("pack", checkpoint, "-o", str(file), "--measured", figures)
        assert "ViT of width 32, depth 2, patches of 8" in output
    assert files[0].read_bytes() == files[1].read_bytes()
    shown = run("show", str(files[0]))
    for text in ("method: maskfeat", '"dim": 32', "iterations: 7", "seed: 3", '"camvid": 30.5'):
        assert text in shown
    images = torch.rand(1, 3, 16, 24, generator=torch.Generator().manual_seed(0))
    packed = encoder_of(str(files[0]))(images)["tokens"]
    torch.testing.assert_close(packed, model.backbone.eval()(images)["tokens"], atol=0.02, rtol=0)


@pytest.mark.parametrize(
    ("output", "figures", "message"),
    [
        ("mine.pth", "{}", "name it .*safetensors"),
        ("mine.safetensors", "[1]", "expected a JSON object"),
        ("mine.safetensors", "{", "is no JSON"),
        ("mine.safetensors", "{}", "no such checkpoint"),
    ],
)
def test_pack_refuses_in_one_line(tmp_path, output, figures, message):
    (tmp_path / "figures.json").write_text(figures)
    arguments = ["pack", str(tmp_path / "none.pt"), "-o", str(tmp_path / output)]
    arguments += ["--measured", str(tmp_path / "figures.json")]
    with pytest.raises((UserError, StoreError), match=message):
        CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert not (tmp_path / output).exists()
