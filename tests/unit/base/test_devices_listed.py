"""What `--devices` understands; the processes themselves are tested with the verb."""

import os

import pytest

from commonfate.base import devices
from commonfate.base.errors import UserError
from commonfate.cli import train


@pytest.fixture(autouse=True)
def two_gpus(monkeypatch):
    monkeypatch.setattr(devices, "visible_gpus", lambda: ["GPU-a", "GPU-b"])


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("cpu,cpu", ["cpu", "cpu"]),
        ("cuda:1", ["cuda:1"]),
        ("cuda:0,cuda:1", ["cuda:0", "cuda:1"]),
        ("1", ["cuda"]),
        ("all", ["cuda", "cuda"]),
    ],
)
def test_lists_numbers_and_all(text, names):
    assert devices.listed(text) == names


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("3", "--devices 3: 2 GPUs are visible"),
        ("0", "--devices 0: 2 GPUs are visible"),
        ("cuda:2", "--devices cuda:2: 2 GPUs are visible, counted from 0"),
        ("cuda:0,tpu", "--devices cuda:0,tpu: 'tpu' is no device; expected"),
        ("cuda", "'cuda' is no device; expected"),
        ("", "'' is no device; expected"),
    ],
)
def test_what_is_no_device_is_named(text, message):
    with pytest.raises(UserError) as caught:
        devices.listed(text)
    assert message in str(caught.value)


def test_all_of_no_gpus(monkeypatch):
    monkeypatch.setattr(devices, "visible_gpus", list)
    with pytest.raises(UserError, match="--devices all: 0 GPUs are visible"):
        devices.listed("all")


@pytest.mark.parametrize(
    ("text", "device", "gpus", "names"),
    [
        ("2", "cpu", ["GPU-a"], ["cpu", "cpu"]),
        ("2", "auto", [], ["cpu", "cpu"]),
        ("2", "cuda", ["GPU-a", "GPU-b"], ["cuda", "cuda"]),
        ("cpu,cpu", "cpu", [], ["cpu", "cpu"]),
    ],
)
def test_device_is_the_kind_of_a_number(monkeypatch, text, device, gpus, names):
    monkeypatch.setattr(devices, "visible_gpus", lambda: gpus)
    assert devices.listed(text, device) == names


@pytest.mark.parametrize(
    ("text", "device", "message"),
    [("cpu,cpu", "cuda", "--device cuda says otherwise"), ("all", "cpu", "GPUs are visible")],
)
def test_a_list_of_another_kind_is_refused(text, device, message):
    with pytest.raises(UserError, match=message):
        devices.listed(text, device)


@pytest.mark.parametrize(
    ("text", "device", "kind", "count", "visible"),
    [
        ("1", "auto", "auto", 1, "untouched"),
        ("8", "auto", "auto", 8, "untouched"),  # Slurm may show one GPU to each task
        ("cpu,cpu", "auto", "cpu", 2, "untouched"),
        ("all", "auto", "cuda", 2, "untouched"),
        ("cuda:1", "auto", "cuda", 1, "GPU-b"),
        ("cuda:1,cuda:0", "cuda", "cuda", 2, "GPU-b,GPU-a"),
    ],
)
def test_training_takes_the_same_lists(monkeypatch, text, device, kind, count, visible):
    monkeypatch.setenv(devices.VISIBLE, "untouched")
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    assert train._devices(text, device) == (kind, count)
    assert os.environ[devices.VISIBLE] == visible
    monkeypatch.setenv("LOCAL_RANK", "1")  # the process that is launched for the second device
    monkeypatch.setattr(devices, "visible_gpus", lambda: ["GPU-x"] * count)
    assert train._devices(text, device) == (kind, count)
    assert os.environ[devices.VISIBLE] == visible


def test_training_needs_devices_of_one_kind():
    with pytest.raises(UserError, match="one kind"):
        train._devices("cuda:0,cpu", "auto")
