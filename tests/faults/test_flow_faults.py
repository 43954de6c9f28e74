"""Extraction that is cut short: no partial file is taken for a whole one, nothing is done twice."""

import errno
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import av
import cv2
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from commonfate.base import parquet
from commonfate.base.errors import UserError
from commonfate.cli import flow
from commonfate.storage.flow import open_reader, open_writer
from commonfate.storage.frames import FrameWriter
from commonfate.storage.staging import scan

SIZE = (96, 128)
LENGTHS = {"a": 8, "b": 8, "c": 8}
PAIRS = 3 * (7 + 7)
# Flow of a pair takes a moment and leaves a line behind, however the process ends.
SLOW_AND_RECORDED = """
import sys, time
from commonfate.cli import flow
from commonfate.flow.estimators.classical import Dis
log = open(sys.argv[1], "a", buffering=1)
calculate = Dis.calculate
def recorded(self, first, second):
    time.sleep(float(sys.argv[2]))
    log.write("pair\\n")
    return calculate(self, first, second)
Dis.calculate = recorded
flow.command(sys.argv[3:])
"""


def picture(video: str, t: int) -> np.ndarray:
    """Noise that moves to the right, of coarse grain."""
    grain = np.random.default_rng(ord(video[0])).integers(0, 256, (24, 64, 3), np.uint8)
    whole = cv2.resize(grain, (256, 96), interpolation=cv2.INTER_CUBIC)
    return np.ascontiguousarray(whole[:, 2 * t : 2 * t + SIZE[1]])


def table(path: Path, videos) -> None:
    columns = {"id": list(videos), "shard": 0, "truth": "", "frames": 8, "status": "ok"}
    parquet.write(path, pd.DataFrame(columns), {})


@pytest.fixture
def shard(tmp_path) -> list[str]:
    store, manifest = tmp_path / "frames.zarr.zip", tmp_path / "0000.parquet"
    with FrameWriter(store, provenance={}) as writer:
        for video, length in LENGTHS.items():
            pictures = (picture(video, t) for t in range(length))
            writer.add_video(video, pictures, [t / 10 for t in range(length)], fps=10.0)
    table(manifest, LENGTHS)
    return ["--manifest", str(manifest), "--frames", str(store), "--gap=-1", "--gap=1"]


def run(*arguments) -> None:
    result = CliRunner().invoke(flow.command, [str(a) for a in arguments], standalone_mode=False)
    if result.exception:
        raise result.exception


def staged(output: Path) -> int:
    """Pairs that wait to become a store."""
    parts = output.with_name(f".{output.name}.partial").rglob("*.pairs")
    return sum(len(part.records) for part in map(scan, parts) if part is not None)


def everything(path: Path) -> dict:
    reader = open_reader(path)
    return {
        (video, gap, t): reader.read(video, gap, t).tobytes()
        for video in reader.videos
        for gap in reader.gaps(video)
        for t in reader.frames_with_flow(video, gap)
    }


def until(condition, process) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_kill_9_in_the_middle_of_a_shard(shard, tmp_path):
    output, log = tmp_path / "flow.zarr.zip", tmp_path / "log"

    def command(pause: float) -> list[str]:
        return [sys.executable, "-c", SLOW_AND_RECORDED, log, str(pause), *shard, "-o", output]

    log.touch()
    process = subprocess.Popen(command(0.05), stderr=subprocess.PIPE)
    until(lambda: log.read_text().count("pair") >= PAIRS // 2, process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not output.exists()
    kept, estimated = staged(output), log.read_text().count("pair")
    assert estimated >= kept >= PAIRS // 2 - 8
    # What a kill in the middle of a write leaves: a torn tail.
    parts = output.with_name(f".{output.name}.partial").rglob("*.pairs")
    part = max(parts, key=lambda path: path.stat().st_size)
    lost = len(scan(part).records)
    os.truncate(part, part.stat().st_size - 3)
    lost -= len(scan(part).records)
    log.write_text("")
    subprocess.run(command(0), check=True, stderr=subprocess.PIPE)
    assert log.read_text().count("pair") == PAIRS - kept + lost
    run(*shard, "-o", tmp_path / "unbroken.zarr.zip")
    assert everything(output) == everything(tmp_path / "unbroken.zarr.zip")
    assert len(everything(output)) == PAIRS


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 48 kB, and how to make it larger."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(*options: str) -> subprocess.CompletedProcess:
        command = ["mount", "-t", "tmpfs", *options, "tmpfs", str(folder)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    mounted = mount("-o", "size=48k")
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    yield folder, lambda: mount("-o", "remount,size=16m")
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_and_then_room(shard, tmp_path, small_disk, monkeypatch):
    folder, enlarge = small_disk
    output = folder / "flow.zarr.zip"
    shard += ["--steps-per-pixel", 1024]  # fine steps make large pairs
    with pytest.raises(OSError) as caught:
        run(*shard, "-o", output)
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(output))
    assert not output.exists()
    kept = staged(output)
    assert 0 < kept < PAIRS
    assert enlarge().returncode == 0
    from commonfate.flow.estimators.classical import Dis

    estimated, calculate = [], Dis.calculate

    def recorded(self, first, second):
        estimated.append(1)
        return calculate(self, first, second)

    monkeypatch.setattr(Dis, "calculate", recorded)
    run(*shard, "-o", output)
    assert len(estimated) == PAIRS - kept
    run(*shard, "-o", tmp_path / "unbroken.zarr.zip")
    assert everything(output) == everything(tmp_path / "unbroken.zarr.zip")


def test_a_disk_that_is_full_when_the_store_is_put_together(shard, tmp_path, monkeypatch):
    output = tmp_path / "flow.zarr.zip"

    def join(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("commonfate.storage.zarr_flow.ZarrFlowWriter._finish", join)
        with pytest.raises(OSError, match="No space left") as caught:
            run(*shard, "-o", output)
        assert caught.value.filename == str(output)
    assert not output.exists()
    assert staged(output) == PAIRS
    run(*shard, "-o", output)
    assert len(everything(output)) == PAIRS


@pytest.mark.parametrize("content", [None, b"", b"\xff\xd8\xff\xe0 no picture"])
def test_a_frame_that_cannot_be_read_in_the_middle_of_a_video(tmp_path, content, caplog):
    store, manifest = tmp_path / "frames.zarr.zip", tmp_path / "0000.parquet"
    files = {}
    for video in ("bad", "good"):
        files[video] = [tmp_path / f"{video}{t}.jpg" for t in range(6)]
        for t, file in enumerate(files[video]):
            cv2.imwrite(str(file), picture(video, t))
    with FrameWriter(store, provenance={}) as writer:
        for video in files:
            writer.add_files(video, files[video], SIZE, 10.0)
    table(manifest, files)
    files["bad"][3].unlink() if content is None else files["bad"][3].write_bytes(content)
    output = tmp_path / "flow.zarr.zip"
    run("--manifest", manifest, "--frames", store, "--gap=1", "--gap=2", "-o", output)
    reader = open_reader(output)
    assert reader.videos == ["good"]
    (item,) = reader.provenance["left_out"]
    assert (item["video"], item["gaps"]) == ("bad", [1, 2])
    assert item["reason"].startswith(f"{files['bad'][3]}: video 'bad', frame 3 cannot be read (")
    assert "bad, gaps [1, 2]: left out" in caplog.text


def test_a_video_that_ends_early_gives_no_flow_but_the_others_do(tmp_path, caplog):
    folder = tmp_path / "videos"
    folder.mkdir()
    for name in ("cut.mp4", "good.mp4"):
        with av.open(str(folder / name), "w", options={"movflags": "faststart"}) as container:
            stream = container.add_stream("mpeg4", rate=10)
            stream.height, stream.width = SIZE
            for t in range(12):
                frame = av.VideoFrame.from_ndarray(picture("video", t), format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
    cut = folder / "cut.mp4"
    os.truncate(cut, int(0.6 * cut.stat().st_size))
    output = tmp_path / "out"
    run(folder, "-o", output)
    (video,) = open_reader(output / "flow.zarr.zip").videos
    assert video.startswith("good")
    assert "cut" in caplog.text


def test_a_reader_that_is_open_while_the_store_is_made_anew(tmp_path):
    """It goes on with what it opened, or says that it cannot; it never mixes the two."""
    path = tmp_path / "flow.zarr.zip"

    def write(value: float) -> None:
        with open_writer(path, provenance={"value": value}, key=str(value)) as writer:
            fields = ((t, np.full((2, 16, 24), value, np.float32)) for t in range(4))
            writer.add("a", 1, 5, (16, 24), fields)

    write(1)
    before = open_reader(path)
    assert before.read("a", 1, 0)[0, 0, 0] == 1
    done = threading.Event()

    def write_many() -> None:
        for value in range(2, 30):
            write(value)
        done.set()

    thread = threading.Thread(target=write_many)
    thread.start()
    opened = 0
    while not done.is_set() or not opened:
        reader = open_reader(path)
        values = {reader.read("a", 1, t)[1, 3, 5] for t in range(4)}
        assert values == {reader.provenance["value"]}
        reader.close()
        opened += 1
    thread.join()
    assert {before.read("a", 1, t)[0, 0, 0] for t in range(4)} == {1}
    before.close()
    assert {before.read("a", 1, t)[0, 0, 0] for t in range(4)} == {29}


def test_one_of_several_processes_is_killed(shard, tmp_path, caplog):
    output = tmp_path / "flow.zarr.zip"
    shard += [f"--gap={gap}" for gap in (-4, -3, -2, 2, 3, 4)]

    # Other tests may have left processes behind, e.g. workers of a loader.
    others = {child.pid for child in multiprocessing.active_children()}

    def started() -> list[int]:
        pids = (child.pid for child in multiprocessing.active_children())
        return [pid for pid in pids if pid is not None and pid not in others]

    def kill_one() -> None:
        while not (pids := started()):
            time.sleep(0.001)
        # Held while it imports, it cannot have finished when the other has staged something.
        os.kill(pids[0], signal.SIGSTOP)
        while not staged(output):
            time.sleep(0.005)
        os.kill(pids[0], signal.SIGKILL)

    killer = threading.Thread(target=kill_one, daemon=True)
    killer.start()
    with pytest.raises(UserError, match=r"the process on cpu died \(it ended with exit code -9\)"):
        run(*shard, "-o", output, "--devices", "cpu,cpu", "--threads", 1)
    killer.join()
    assert not output.exists()
    assert staged(output) > 0
    run(*shard, "-o", output)
    run(*shard, "-o", tmp_path / "unbroken.zarr.zip")
    assert everything(output) == everything(tmp_path / "unbroken.zarr.zip")
