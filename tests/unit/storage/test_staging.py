"""Staged pairs: what is whole stays, what is torn is dropped, whoever writes and in what order."""

import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from commonfate.base.errors import StoreError
from commonfate.storage.flow import open_reader, open_writer
from commonfate.storage.staging import PairFile, scan

FACTS = {"video": "bear", "frames": 5}
SIZE = (6, 8)
KEYS = {"provenance": {}, "key": "k"}


@pytest.fixture(params=["zarr", "tiff"])
def container(request):
    return request.param


@pytest.fixture
def filled(tmp_path):
    file = PairFile(tmp_path / "1.pairs", FACTS)
    for t in (0, 2, 1):
        file.append(t, bytes([t]) * (10 + t), saturated=t, invalid=2 * t)
    return file


def flow_of(t):
    return np.random.default_rng(t).uniform(-40, 40, (2, *SIZE)).astype(np.float32)


def stage_of(path):
    return path.with_name(f".{path.name}.partial")


def pair_file(path, video="bear", gap=1):
    return stage_of(path) / "parts" / video / f"{gap}.pairs"


def contents(path):
    files = sorted(path.rglob("*.*")) if path.is_dir() else [path]
    return {str(file.relative_to(path)): file.read_bytes() for file in files}


def test_records_come_back(filled):
    staged = scan(filled.path)
    assert staged.part == FACTS and sorted(staged.records) == [0, 1, 2]
    assert list(staged.payloads(range(3))) == [b"\0" * 10, b"\1" * 11, b"\2" * 12]
    assert [staged.records[t].invalid for t in range(3)] == [0, 2, 4]
    assert staged.end == filled.path.stat().st_size


def test_a_file_that_is_not_there(tmp_path):
    assert scan(tmp_path / "1.pairs") is None


def test_a_torn_tail_is_dropped_wherever_it_is_torn(filled):
    whole = filled.path.read_bytes()
    last = scan(filled.path).records[1].offset - 44  # its header's length
    before = len(PairFile(filled.path, FACTS))
    assert before == 3
    for length in range(last, len(whole)):
        filled.path.write_bytes(whole[:length])
        file = PairFile(filled.path, FACTS)
        assert 1 not in file and len(file) == 2
        file.append(1, b"\1" * 11, 1, 2)
        assert filled.path.read_bytes() == whole


def test_a_flipped_byte_is_not_taken_for_a_pair(filled):
    whole = filled.path.read_bytes()
    start = scan(filled.path).records[2].offset - 44
    for position in range(start, len(whole)):
        data = bytearray(whole)
        data[position] ^= 1
        filled.path.write_bytes(data)
        staged = scan(filled.path)
        assert all(t in (0, 1, 2) for t in staged.records) and len(staged.records) < 3


def test_a_flipped_byte_in_the_first_record_begins_anew(filled):
    data = bytearray(filled.path.read_bytes())
    data[50] ^= 1
    filled.path.write_bytes(data)
    assert len(PairFile(filled.path, FACTS)) == 0


def test_other_facts_begin_anew(filled):
    assert len(PairFile(filled.path, {**FACTS, "frames": 6})) == 0


def test_a_frame_twice_is_refused(filled):
    with pytest.raises(ValueError, match="frame 2 is written twice"):
        filled.append(2, b"", 0, 0)


def test_any_order_and_any_threads_give_equal_bytes(tmp_path, container):
    with open_writer(tmp_path / "one", container, **KEYS) as writer:
        writer.add("bear", 1, 9, SIZE, ((t, flow_of(t)) for t in range(8)))
    with (
        open_writer(tmp_path / "other", container, **KEYS) as writer,
        ThreadPoolExecutor(4) as pool,
    ):
        part = writer.part("bear", 1, 9, SIZE)
        list(pool.map(lambda t: part.add(t, flow_of(t)), [7, 0, 3, 1, 6, 2, 5, 4]))
        assert part.missing == []
    assert contents(tmp_path / "one") == contents(tmp_path / "other")


def test_goes_on_with_single_pairs(tmp_path, container):
    path = tmp_path / "s"
    with pytest.raises(KeyboardInterrupt), open_writer(path, container, **KEYS) as writer:
        part = writer.part("bear", 1, 5, SIZE)
        part.add(2, flow_of(2))
        part.add(0, flow_of(0))
        raise KeyboardInterrupt
    with open_writer(path, container, **KEYS) as writer:
        assert not writer.has("bear", 1)
        part = writer.part("bear", 1, 5, SIZE)
        assert part.missing == [1, 3]
        for t in part.missing:
            part.add(t, flow_of(t))
        assert writer.has("bear", 1)
    for t in range(4):
        assert np.abs(open_reader(path).read("bear", 1, t) - flow_of(t)).max() <= 1 / 64


def test_incomplete_parts_are_left_out(tmp_path, container):
    path = tmp_path / "s"
    with open_writer(path, container, **KEYS) as writer:
        writer.add("dog", 1, 2, SIZE, [(0, flow_of(0))])
        writer.part("bear", 1, 3, SIZE).add(1, flow_of(1))
    assert open_reader(path).videos == ["dog"]
    assert not stage_of(path).exists()


def test_wrong_pairs_are_refused(tmp_path):
    with open_writer(tmp_path / "s", **KEYS) as writer:
        part = writer.part("bear", -2, 5, SIZE)
        with pytest.raises(ValueError, match="gap -2: there is no frame 1"):
            part.add(1, flow_of(0))
        with pytest.raises(ValueError, match=r"frame 2: float32 \(2, 6, 8\) instead of int16"):
            part.write(2, flow_of(0))
        part.add(2, flow_of(0))
        with pytest.raises(ValueError, match="frame 2 is written twice"):
            part.add(2, flow_of(0))


def test_counts_of_pairs(tmp_path, container):
    path = tmp_path / "s"
    nothing = np.full((2, *SIZE), np.nan, np.float32)
    with open_writer(path, container, **KEYS) as writer:
        part = writer.part("bear", 1, 4, SIZE)
        part.add(2, nothing)
        part.add(0, flow_of(0) + 5000)
        part.write(1, np.zeros((2, *SIZE), np.int16), saturated=7)
    counts = open_reader(path).pair_counts("bear", 1)
    assert counts == {"saturated": [48, 7, 0], "invalid": [0, 0, 48]}
    assert open_reader(path).statistics("bear", 1) == {
        "saturated": 55,
        "invalid": 48,
        "pixels": 144,
    }


def test_staged_bytes_that_were_damaged_are_named(tmp_path, container):
    path = tmp_path / "s"
    with (
        pytest.raises(StoreError, match=r"1\.pairs: the staged frame 1 is damaged; delete"),
        open_writer(path, container, **KEYS) as writer,
    ):
        writer.add("bear", 1, 3, SIZE, [(0, flow_of(0)), (1, flow_of(1))])
        data = bytearray(pair_file(path).read_bytes())
        data[-1] ^= 1
        pair_file(path).write_bytes(data)
    assert not path.exists()
    with open_writer(path, container, **KEYS) as writer:  # a run after it does that pair again
        part = writer.part("bear", 1, 3, SIZE)
        assert part.missing == [1]
        part.add(1, flow_of(1))
    assert np.abs(open_reader(path).read("bear", 1, 1) - flow_of(1)).max() <= 1 / 64


CHILD = """
import pickle, sys
import numpy as np
writer = pickle.loads(bytes.fromhex(sys.argv[1]))
with writer:
    part = writer.part(sys.argv[2], 1, 3, (6, 8))
    for t in part.missing:
        part.add(t, np.full((2, 6, 8), t, np.float32))
"""


def test_processes_stage_parts_of_one_store(tmp_path, container):
    path = tmp_path / "s"
    with open_writer(path, container, **KEYS) as writer:
        worker = pickle.dumps(writer.worker()).hex()
        children = [
            subprocess.Popen([sys.executable, "-c", CHILD, worker, video]) for video in ("a", "b")
        ]
        writer.add("c", 1, 2, SIZE, [(0, flow_of(0))])
        assert [child.wait() for child in children] == [0, 0]
        assert writer.has("a", 1) and not path.exists()
    reader = open_reader(path)
    assert reader.videos == ["a", "b", "c"]
    assert (reader.read("b", 1, 1) == 1).all()


def test_a_worker_needs_a_writer_that_is_entered(tmp_path):
    writer = open_writer(tmp_path / "s", **KEYS)
    with pytest.raises(StoreError, match="the process that began this store is not at work"):
        writer.worker().__enter__()


KILLED = """
import os, signal, sys
import numpy as np
from commonfate.storage.flow import open_writer
with open_writer(sys.argv[1], sys.argv[2], provenance={}, key="k") as writer:
    part = writer.part("bear", 1, 4, (6, 8))
    part.add(0, np.zeros((2, 6, 8), np.float32))
    part.add(1, np.ones((2, 6, 8), np.float32))
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_pairs_survive_a_kill(tmp_path, container):
    path = tmp_path / "s"
    killed = subprocess.run([sys.executable, "-c", KILLED, path, container], check=False)
    assert killed.returncode == -9
    with open_writer(path, container, **KEYS) as writer:
        part = writer.part("bear", 1, 4, SIZE)
        assert part.missing == [2]
        part.add(2, flow_of(2))
    assert (open_reader(path).read("bear", 1, 1) == 1).all()


FULL = """
import resource, sys
import numpy as np
from commonfate.storage.flow import open_writer
with open_writer(sys.argv[1], sys.argv[2], provenance={}, key="k") as writer:
    part = writer.part("bear", 1, 4, (64, 64))
    part.add(0, np.zeros((2, 64, 64), np.float32))
    # As a full disk does it: what fits is written, then the system refuses.
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))
    part.add(1, np.random.default_rng(1).uniform(-9, 9, (2, 64, 64)).astype(np.float32))
"""


def test_a_pair_that_does_not_fit_the_disk_leaves_nothing(tmp_path, container):
    path = tmp_path / "s"
    full = subprocess.run(
        [sys.executable, "-c", FULL, path, container], capture_output=True, text=True, check=False
    )
    assert "OSError: [Errno 27]" in full.stderr or "File too large" in full.stderr
    staged = scan(pair_file(path))
    assert list(staged.records) == [0] and staged.end == pair_file(path).stat().st_size
    with open_writer(path, container, **KEYS) as writer:
        assert writer.part("bear", 1, 4, (64, 64)).missing == [1, 2]
