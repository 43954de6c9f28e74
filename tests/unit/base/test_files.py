"""Products are whole or absent."""

import multiprocessing
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from commonfate.base.files import exclusive, replacing, replacing_directory, sha256, write_json


def test_a_product_appears_only_when_complete(tmp_path: Path) -> None:
    path = tmp_path / "product.txt"
    with replacing(path) as temporary:
        temporary.write_text("half")
        assert not path.exists()
    assert path.read_text() == "half"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_the_old_product(tmp_path: Path) -> None:
    path = tmp_path / "product.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_text("new")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    path.mkdir()
    (path / "old").touch()
    with replacing_directory(path) as temporary:
        (temporary / "new").touch()
    assert [entry.name for entry in path.iterdir()] == ["new"]


def test_leftovers_of_dead_processes_are_removed_and_of_living_ones_kept(tmp_path: Path) -> None:
    path = tmp_path / "product.txt"
    host = socket.gethostname()
    dead = multiprocessing.get_context("spawn").Process(target=int)
    dead.start()
    dead.join()
    of_the_dead = tmp_path / f".product.txt.{host}.{dead.pid}.tmp"
    of_the_living = tmp_path / f".product.txt.{host}.{os.getppid()}.tmp"
    of_the_dead.touch()
    of_the_living.touch()
    with replacing(path) as temporary:
        temporary.touch()
    assert sorted(tmp_path.iterdir()) == sorted([path, of_the_living])


def test_leftovers_of_other_hosts_go_when_they_are_forgotten(tmp_path: Path) -> None:
    """Of processes of other nodes nothing is known but the time."""
    path = tmp_path / "run[1].pt"  # no pattern
    old, new = (tmp_path / f".{path.name}.node{n}.example.org.7.tmp" for n in (1, 2))
    for left in (old, new):
        left.mkdir()
    of_another = tmp_path / ".run1.pt.node1.7.tmp"
    of_another.touch()
    for left in (old, of_another):
        os.utime(left, (0, 0))
    with replacing(path) as temporary:
        temporary.touch()
    assert sorted(tmp_path.iterdir()) == sorted([path, new, of_another])


def test_a_second_writer_waits_and_a_killed_one_lets_go(tmp_path: Path) -> None:
    path = tmp_path / "product"
    hold = f"""
import time
from commonfate.base.files import exclusive
with exclusive({str(path)!r}):
    print("held", flush=True)
    time.sleep(60)
"""
    other = subprocess.Popen([sys.executable, "-c", hold], stdout=subprocess.PIPE, text=True)
    assert other.stdout.readline() == "held\n"
    waiting = threading.Thread(target=_enter, args=(path,))
    waiting.start()
    waiting.join(0.5)
    assert waiting.is_alive()
    other.kill()
    waiting.join(10)
    assert not waiting.is_alive()
    other.communicate()


def _enter(path: Path) -> None:
    with exclusive(path):
        pass


def test_equal_values_give_equal_bytes(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"b": 1, "a": [1.5, None]})
    write_json(tmp_path / "b.json", {"a": [1.5, None], "b": 1})
    assert sha256(tmp_path / "a.json") == sha256(tmp_path / "b.json")
