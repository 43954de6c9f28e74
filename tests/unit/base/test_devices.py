"""One GPU for one process, tried on made-up lists of GPUs."""

import logging
import multiprocessing
import os
import subprocess
import tempfile
from types import SimpleNamespace

import pytest

from commonfate.base import devices
from commonfate.base.errors import UserError

TWO = "GPU 0: NVIDIA H200 (UUID: GPU-aa)\nGPU 1: NVIDIA H200 (UUID: GPU-bb)\n"
SLICED = (
    "GPU 0: NVIDIA A100 (UUID: GPU-aa)\n"
    "  MIG 3g.20gb     Device  0: (UUID: MIG-1)\n"
    "  MIG 3g.20gb     Device  1: (UUID: MIG-2)\n"
    "GPU 1: NVIDIA A100 (UUID: GPU-bb)\n"
)


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """Pretend that nvidia-smi lists these GPUs and that torch can use them."""

    def pretend(listed: str | None, visible: str | None = None, usable: bool = True) -> None:
        def run(command, **_):
            assert command == ["nvidia-smi", "-L"]
            if listed is None:
                raise FileNotFoundError(command[0])
            return SimpleNamespace(stdout=listed)

        monkeypatch.setattr(subprocess, "run", run)
        monkeypatch.setattr(devices, "_torch_sees_gpu", lambda: usable)
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        if visible is None:
            monkeypatch.delenv(devices.VISIBLE, raising=False)
        else:
            monkeypatch.setenv(devices.VISIBLE, visible)

    return pretend


@pytest.mark.parametrize(
    ("listed", "visible", "expected"),
    [
        (TWO, None, ["GPU-aa", "GPU-bb"]),
        (TWO, "1", ["GPU-bb"]),
        (TWO, "GPU-b", ["GPU-bb"]),
        (TWO, "1,0,1", ["GPU-bb", "GPU-aa"]),
        (TWO, "0,7,1", ["GPU-aa"]),
        (TWO, "", []),
        (TWO, "-1", []),
        (SLICED, None, ["MIG-1", "MIG-2", "GPU-bb"]),
        (SLICED, "MIG-2", ["MIG-2"]),
        ("", None, []),
        (None, None, []),
        (None, "0,1", ["0", "1"]),
        (None, "NoDevFiles", []),
    ],
)
def test_which_gpus_are_visible(machine, listed, visible, expected):
    machine(listed, visible)
    assert devices.visible_gpus() == expected


def test_each_holder_gets_another_gpu_and_frees_it(machine):
    machine(TWO)
    with devices.acquire("auto") as first:
        assert (first, os.environ[devices.VISIBLE]) == ("cuda", "GPU-aa")
        os.environ.pop(devices.VISIBLE)  # as another process would see it
        with devices.acquire("cuda"):
            assert os.environ[devices.VISIBLE] == "GPU-bb"
        os.environ[devices.VISIBLE] = "GPU-aa"
    assert devices.VISIBLE not in os.environ
    with devices.acquire("cuda"):
        assert os.environ[devices.VISIBLE] == "GPU-aa"


def test_slurms_choice_is_respected_and_restored(machine):
    machine(TWO, visible="1")
    with devices.acquire("auto"):
        assert os.environ[devices.VISIBLE] == "GPU-bb"
    assert os.environ[devices.VISIBLE] == "1"


def _hold(folder: str, gpu: str, held, release) -> None:
    tempfile.tempdir = folder
    _, lock = devices._lock_free_gpu([gpu], 0.01)
    held.set()
    release.wait(10)
    lock.release()


def test_waits_for_another_process_to_finish(machine, tmp_path, monkeypatch, caplog):
    machine("GPU 0: NVIDIA H200 (UUID: GPU-aa)\n")
    context = multiprocessing.get_context("fork")
    held, release = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(str(tmp_path), "GPU-aa", held, release))
    other.start()
    assert held.wait(10)
    looks = []
    monkeypatch.setattr(
        devices.time, "sleep", lambda _: (looks.append(1), release.set(), other.join())
    )
    with caplog.at_level(logging.INFO), devices.acquire("auto") as device:
        assert device == "cuda"
    assert len(looks) == 1
    assert "all 1 GPUs are taken by other commonfate processes; waiting" in caplog.text


@pytest.mark.parametrize(
    ("listed", "reason"), [(None, "no GPU is visible"), (TWO, "torch cannot use")]
)
def test_auto_says_that_it_falls_back_and_cuda_refuses(machine, caplog, listed, reason):
    machine(listed, usable=False)
    with caplog.at_level(logging.INFO), devices.acquire("auto") as device:
        assert device == "cpu"
    assert reason in caplog.text
    assert "running on the CPU" in caplog.text
    with pytest.raises(UserError, match=f"--device cuda: {reason}"), devices.acquire("cuda"):
        pass


def test_cpu_asks_nobody(machine, monkeypatch):
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("nvidia-smi was run"))
    with devices.acquire("cpu") as device:
        assert device == "cpu"
