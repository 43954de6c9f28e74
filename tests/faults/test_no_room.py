"""A full disk, a read-only file system, no permission: one line from every verb, nothing lost."""

import errno
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from commonfate import cli
from commonfate.training import checkpoint

NOBODY = 65534
PAGE = 4096


def said(arguments: list[object], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Exit code and standard error of `commonfate`, as a shell sees them."""
    before, sys.argv = sys.argv, ["commonfate", *map(str, arguments)]
    try:
        cli.main()
        code = 0
    except SystemExit as exit_:
        code = exit_.code
    finally:
        sys.argv = before
    return code, capsys.readouterr().err


RUN = "from commonfate.cli import main; main()"
NEEDED = ("sprites", "videos", "frames", "manifest", "flow", "samples", "train", "predict")
NEEDED += ("predict by two processes", "evaluate", "flow-quality measure", "features")
TABLE = {
    "config.json": {
        "scale": "demo",
        "datasets": {"s": {"adapter": "sprites"}},
        "flow": {"sources": {"dis": {"estimator": "dis"}}},
        "benchmarks": {"s": {"dataset": "s", "split": "all"}},
        "tables": {"t": {"benchmarks": ["s"], "flow": "dis"}},
    },
    "t.json": {
        "title": "T",
        "caption": "C.",
        "scorings": ["oracle"],
        "rows": [{"label": "Flow alone", "method": "residual_flow"}],
    },
}
"""Configuration and declaration of a table, whose scores are `SCORES`."""
SCORES = "results/evaluations/residual_flow-dis-s/s/davis.oracle.last.json"


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    """What the verbs read, made by other verbs, in a folder that everybody may read."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        commands = calls(folder, folder)
        for name, content in TABLE.items():
            (folder / name).write_text(json.dumps(content))
        for verb in NEEDED:
            cli.commonfate(commands[verb], standalone_mode=False)
        yield folder


@pytest.fixture(autouse=True)
def in_the_folder_of_results(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths of scores that a table reads are relative."""
    monkeypatch.chdir(made)


def calls(made: Path, to: Path) -> dict[str, list[str]]:
    """The call of each verb that writes, from products of the others in `made`, into `to`."""
    data = "--set=videos=2 --set=frames=4 --set=size=[48,64]"
    stores = f"--manifest {made}/manifest.parquet --frames {made}/frames.zarr.zip"
    flow = f"--flow {made}/flow.zarr.zip"
    view = f"view {made}/flow.zarr.zip --frames {made}/frames.zarr.zip"
    network = "--set=width=4 --set=batch_size=2 --set=merge.features=pixels"
    encoder = "--encoder=random.vit_smoke_8 --view=48.tokens"
    raft = "--set=batch_size=1 --set=updates=1 --set=evaluation_updates=1"
    texts = {
        "sprites": f"sprites {data} --output {to}/sprites",
        "videos": f"videos --dataset=s --set=adapter=sprites {data} --rendered {made}/sprites"
        f" --output {to}/inventory.parquet",
        "frames": f"frames --inventory {made}/inventory.parquet --shard=0 --gap=-1 --gap=1"
        f" --output {to}/frames.zarr.zip --report {to}/report.parquet",
        "manifest": f"manifest {made}/report.parquet --dataset=s --output {to}/manifest.parquet",
        "boxes": f"boxes --dataset=s --set=adapter=sprites --manifest {made}/manifest.parquet"
        f" --output {to}/boxes.parquet",
        "flow": f"flow {stores} --gap=-1 --gap=1 --output {to}/flow.zarr.zip",
        "flow of a video": f"flow {made}/sprites/videos/sprite_0000.mp4 --output {to}/own",
        "segment": f"segment {made}/sprites/videos/sprite_0000.mp4 --quality=fast --device=cpu"
        f" --output {to}/segments",
        "flow by two processes": f"flow {stores} --devices=cpu,cpu --output {to}/two.zarr.zip",
        "flow in TIFF": f"flow {stores} --container=tiff --output {to}/flow.tiff",
        "convert": f"convert {made}/flow.zarr.zip --to=flo --output {to}/flo",
        "convert to a store": f"convert {made}/flow.zarr.zip --output {to}/converted.tiff",
        "view": f"{view} --output {to}/view.png",
        "view a film": f"{view} --output {to}/view.mp4",
        "samples": f"samples {stores} {flow} --output {to}/index.parquet",
        "train": f"train --index {made}/index.parquet --method=gwm --set=iterations=2 {network}"
        f" --device=cpu --output {to}/run",
        "train-flow": f"train-flow --network=raft_small --set=iterations=1 {raft} --device=cpu"
        f" --output {to}/raft_small.safetensors",
        "predict": f"predict {stores} --run {made}/run --split=all --device=cpu"
        f" --output {to}/predictions",
        "predict by two processes": f"predict {stores} {flow} --method=residual_flow --split=all"
        f" --workers=2 --output {to}/residual",
        "evaluate": f"evaluate {stores} --predictions {made}/residual/predictions.json"
        f" --protocol=davis --foreground=oracle --output {to}/{SCORES}",
        "table": f"table t --config {made}/config.json --declaration {made}/t.json"
        f" --output {to}/t.csv",
        "features": f"features {stores} {encoder} --device=cpu --output {to}/features.zarr.zip",
        "features of a video": f"features {made}/sprites/videos/sprite_0000.mp4 {encoder}"
        f" --device=cpu --output {to}/own.zarr.zip",
        "probe": f"probe {stores} --features {made}/features.zarr.zip --split=all"
        f" --protocol=clustering --set=level=frame --device=cpu --output {to}/probe.json",
        "flow-quality measure": f"flow-quality measure --dataset=s --source=dis {stores} {flow}"
        f" --sample=1 --device=cpu --output {to}/quality.json",
        "flow-quality table": f"flow-quality table {made}/quality.json --output {to}/quality.csv",
        "schema": f"schema --output {to}/schema.json",
    }
    return {verb: text.split() for verb, text in texts.items()}


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Path]:
    """A small file system of one's own; mounting one needs root."""
    place = tmp_path / "mounted"
    place.mkdir()
    size = f"size={4 * PAGE}"
    mount = ["mount", "-t", "tmpfs", "-o", size, "none", str(place)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no right to mount a small file system; run as root")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def files(place: Path) -> list[Path]:
    """The files that are no hidden ones, nor in hidden folders."""
    inside = [path.relative_to(place) for path in place.rglob("*") if path.is_file()]
    return [path for path in inside if not any(part[0] == "." for part in path.parts)]


def fill(place: Path) -> None:
    with (place / "ballast").open("wb", buffering=0) as file, pytest.raises(OSError):
        while True:
            file.write(bytes(PAGE))


def is_one_line(text: str, verb: str) -> str:
    """The last line, after lines of the log; there is no other."""
    *log, last = text.strip().splitlines()
    others = [line for line in log if not re.match(r"\d\d:\d\d:\d\d ", line)]
    assert not others, f"{verb}: {len(others)} lines:\n{text}"
    return last


VERBS = list(calls(Path(), Path()))


ELSEWHERE = {
    "try": "flow and view",
    "weights": "test_weights_faults",
    "explain": "nothing is written",
}
"""Other verbs, and where they are tried."""


def test_every_verb_is_tried() -> None:
    tried = {call[0] for call in calls(Path(), Path()).values()}
    assert tried | set(ELSEWHERE) == set(cli.VERBS)
    assert not tried & set(ELSEWHERE)


@pytest.mark.parametrize("verb", VERBS)
def test_a_full_disk(verb, made, mounted, capsys):
    fill(mounted)
    code, text = said(calls(made, mounted)[verb], capsys)
    line = is_one_line(text, verb)
    assert code == 1
    assert str(mounted) in line and "full" in line
    assert [file for file in files(mounted) if file.name != "ballast"] == []


@pytest.mark.parametrize("verb", VERBS)
def test_a_read_only_file_system(verb, made, mounted, capsys):
    subprocess.run(["mount", "-o", "remount,ro", str(mounted)], check=True)
    code, text = said(calls(made, mounted)[verb], capsys)
    line = is_one_line(text, verb)
    assert code == 1
    assert str(mounted) in line and "read-only" in line
    assert not Path(line.partition(": ")[0]).name.startswith(".")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can work as somebody else")
@pytest.mark.parametrize("verb", VERBS)
def test_a_folder_of_somebody_else(verb, made, capsys):
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        os.seteuid(NOBODY)
        try:
            code, text = said(calls(made, Path(name))[verb], capsys)
        finally:
            os.seteuid(0)
        line = is_one_line(text, verb)
        assert code == 1
        assert name in line and "no permission" in line
        assert files(Path(name)) == []


@pytest.mark.skipif(os.getuid() != 0, reason="only root can work as somebody else")
def test_an_input_of_somebody_else(made, tmp_path, capsys):
    table = made / "somebody.parquet"
    table.write_bytes((made / "inventory.parquet").read_bytes())
    table.chmod(0o600)
    os.seteuid(NOBODY)
    try:
        call = ["frames", "--inventory", table, "--shard=0", "--output", made / "f.zarr.zip"]
        code, text = said([*call, "--report", made / "r.parquet"], capsys)
    finally:
        os.seteuid(0)
    line = is_one_line(text, "frames")
    assert (code, str(table) in line, "no permission" in line) == (1, True, True)
    assert "delete" not in line


def test_a_disk_that_fills_up_while_torch_writes(mounted):
    """Torch says "unexpected pos" or "iostream error"; the checkpoint before stays."""
    path = mounted / "checkpoint.pt"
    checkpoint.save(path, {"iteration": 1})
    before = path.read_bytes()
    with pytest.raises(OSError) as caught:
        checkpoint.save(path, {"weights": torch.zeros(100_000)})
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(path))
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert path.read_bytes() == before
    assert [file.name for file in mounted.iterdir()] == ["checkpoint.pt"]


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_full_disk_below_what_is_printed(stream, made):
    """As `commonfate ... > list.txt` or 2> log on a full disk; /dev/full is one."""
    command = [sys.executable, "-c", RUN, "view", str(made / "flow.zarr.zip")]
    if stream == "stderr":
        command[-1] = str(made / "inventory.parquet")  # no flow store: an error is to be said
    with Path("/dev/full").open("w") as full:
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, stream: full}
        ended = subprocess.run(command, text=True, check=False, **streams)
    assert ended.returncode == 1
    if stream == "stdout":
        assert "disk is full" in is_one_line(ended.stderr, "view")
