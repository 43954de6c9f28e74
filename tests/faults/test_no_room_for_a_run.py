"""A run of the workflow where nothing can be written: one line, no traceback of Snakemake's."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def workflow(tmp_path):
    """The workflow on a file system of its own."""
    place = tmp_path / "mounted"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no right to mount a small file system; run as root")
    for name in ("workflow", "config", "profiles", "envs"):
        shutil.copytree(ROOT / name, place / name)
    for name in ("Snakefile", "config.yaml"):
        shutil.copy(ROOT / name, place)
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def said(place: Path, *options: str) -> list[str]:
    command = ["snakemake", "--cores", "1", "--configfile", "config/smoke.yaml"]
    command += [*options, "--", "results/smoke/datasets/sprites"]
    ended = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    return [line for line in ended.stderr.splitlines() if not line.startswith("Using workflow")]


def test_a_read_only_folder(workflow):
    subprocess.run(["mount", "-o", "remount,ro", str(workflow)], check=True)
    (line,) = said(workflow, "--quiet=all")
    assert str(workflow) in line and "read-only" in line


def test_a_full_disk(workflow):
    (workflow / "results").mkdir()
    with (workflow / "ballast").open("wb", buffering=0) as file, pytest.raises(OSError):
        while True:
            file.write(bytes(4096))
    (line,) = said(workflow, "--quiet=all")
    assert str(workflow) in line and "disk is full" in line


def test_a_disk_that_fills_up(workflow):
    """The job's own line is on the screen."""
    room = shutil.disk_usage(workflow).free
    (workflow / "ballast").write_bytes(bytes(room - 200_000))
    lines = said(workflow)
    assert any("results/smoke/datasets/sprites: the disk is full" in line for line in lines)
    assert not any("Traceback" in line for line in lines)
