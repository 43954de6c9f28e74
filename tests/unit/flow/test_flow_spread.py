"""What `--devices` understands; the processes themselves are tested with the verb."""

import pytest

from commonfate import devices
from commonfate.errors import UserError
from commonfate.flow.spread import parse


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
    assert parse(text) == names


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
        parse(text)
    assert message in str(caught.value)


def test_all_of_no_gpus(monkeypatch):
    monkeypatch.setattr(devices, "visible_gpus", list)
    with pytest.raises(UserError, match="--devices all: 0 GPUs are visible"):
        parse("all")
