"""Two commands into one output at once: the second waits, says so, and finds the work done."""

import subprocess
import sys
import time

import av
import numpy as np
import pytest

from commonfate.base import parquet
from commonfate.base.files import exclusive
from commonfate.datasets import VideoSource, inventory
from commonfate.storage.flow import open_reader

# Decoding leaves a line behind, and lasts until it is told to end.
SLOW = """
import pathlib, sys, time
from commonfate.cli import commonfate
from commonfate.videos import shard
extract = shard.extract
def recorded(*arguments):
    with open(sys.argv[1], "a") as log:
        log.write("decoding\\n")
    while not pathlib.Path(sys.argv[1] + ".go").exists():
        time.sleep(0.05)
    return extract(*arguments)
shard.extract = recorded
commonfate(sys.argv[2:])
"""


def start(log, *arguments):
    command = [sys.executable, "-c", SLOW, log, *arguments]
    return subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE, text=True)


def until_it_waits(process):
    line = process.stderr.readline()
    while "another process" not in line:
        assert line, process.wait()
        line = process.stderr.readline()


@pytest.fixture
def video(tmp_path):
    path = tmp_path / "hd.mp4"
    with av.open(path, "w") as container:
        stream = container.add_stream("mpeg4", rate=12)
        stream.height, stream.width = 64, 96
        for t in range(6):
            picture = np.random.default_rng(t).integers(0, 255, (64, 96, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


@pytest.fixture
def listed(tmp_path, video):
    path = tmp_path / "inventory.parquet"
    parquet.write(path, inventory.build([VideoSource("hd", "train", str(video))], 8), {})
    return path


@pytest.mark.parametrize("verb", ["flow", "frames"])
def test_the_second_finds_the_work_done(tmp_path, video, listed, verb):
    out, log = tmp_path / "out", tmp_path / "log"
    command = {
        "flow": ("flow", video, "-o", out),
        "frames": (
            *("frames", "--inventory", listed, "--shard", 0),
            *("--report", out / "0.parquet", "--output", out / "frames.zarr.zip"),
        ),
    }[verb]
    first = start(log, *command)
    while not log.exists():
        assert first.poll() is None, first.communicate()
        time.sleep(0.05)
    second = start(log, *command)
    until_it_waits(second)
    (tmp_path / "log.go").touch()
    errors = [process.communicate(timeout=120)[1] for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0], errors
    assert log.read_text() == "decoding\n"
    assert ".zarr.zip is there already" in errors[1]
    assert [path.name for path in out.iterdir() if path.suffix in (".parts", ".tmp")] == []
    if verb == "flow":
        assert open_reader(out / "flow.zarr.zip").videos


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        (
            "rendered",
            ("sprites", "--set", "videos=2", "--set", "frames=2", "--set", "size=[64,64]"),
        ),
        ("frames.zarr.zip", ("frames", "--shard", "0", "--inventory", "{listed}", "--report", "r")),
    ],
)
def test_verbs_that_replace_what_is_there_wait_for_each_other(tmp_path, listed, name, arguments):
    output = tmp_path / name
    words = [word.format(listed=listed) for word in arguments]
    command = [sys.executable, "-c", "from commonfate.cli import main; main()", *words]
    with exclusive(output):
        process = subprocess.Popen(
            [*command, "--output", str(output)], stderr=subprocess.PIPE, text=True, cwd=tmp_path
        )
        until_it_waits(process)
        assert not output.exists()
    assert process.communicate(timeout=120)[1] is not None
    assert process.returncode == 0 and output.exists()
