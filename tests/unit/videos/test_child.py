"""The child process is killed when it hangs, and its death is told."""

import io
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from commonfate.videos.child import Child, NoAnswer
from commonfate.videos.worker import SignsOfLife


def script(tmp_path, body):
    """A child that does something else than decode."""
    path = tmp_path / "child.py"
    path.write_text(
        "import os, signal, sys, time\n"
        "from commonfate.videos.worker import send\n"
        "import numpy as np\n"
        "out = sys.stdout.buffer\n"
        "send(out, {'ready': os.getpid()})\n"
        "for line in sys.stdin:\n" + "".join(f"    {line}\n" for line in body.splitlines())
    )
    return [sys.executable, str(path)]


def test_a_hanging_decoder_is_killed(tmp_path):
    """Opening a pipe that nobody writes to hangs in C, as decoders do."""
    os.mkfifo(tmp_path / "hangs.mp4")
    child = Child(timeout_s=0.3)
    began = time.monotonic()
    with pytest.raises(NoAnswer, match=r"timeout: no new frame within 0\.3 s"):
        list(child.ask({"task": "inspect", "path": str(tmp_path / "hangs.mp4")}))
    assert time.monotonic() - began < 10
    assert child._process is None


def test_goes_on_with_a_new_child_after_a_timeout(tmp_path, make_video):
    os.mkfifo(tmp_path / "hangs.mp4")
    child = Child(timeout_s=2)  # enough for a video on a busy machine
    with pytest.raises(NoAnswer):
        list(child.ask({"task": "inspect", "path": str(tmp_path / "hangs.mp4")}))
    (header,) = child.ask({"task": "inspect", "path": str(make_video())})
    child.stop()
    assert header["done"]["frames"] == 12


def test_a_frame_that_stops_halfway_is_a_timeout(tmp_path):
    body = (
        "out.write(b'\\0\\0\\0\\x14{\"shape\": [9, 9, 3]}' + bytes(5)); out.flush(); time.sleep(60)"
    )
    child = Child(0.2, script(tmp_path, body))
    with pytest.raises(NoAnswer, match="timeout"):
        list(child.ask({}))


def test_death_is_told_with_its_cause(tmp_path):
    child = Child(5, script(tmp_path, "os.kill(os.getpid(), signal.SIGSEGV)"))
    with pytest.raises(NoAnswer, match=r"the decoder died \(signal 11\)"):
        list(child.ask({}))
    child = Child(5, script(tmp_path, "raise ValueError('of the decoder')"))
    with pytest.raises(NoAnswer, match=r"exit code 1: ValueError: of the decoder"):
        list(child.ask({}))


def test_a_child_that_does_not_start_is_nobodys_video(tmp_path):
    child = Child(5, [sys.executable, "-c", "import no_such_library"])
    with pytest.raises(RuntimeError, match=r"does not start: .*No module named 'no_such_library'"):
        list(child.ask({}))


def test_time_of_the_reader_does_not_count(tmp_path):
    body = "for v in range(3): send(out, {'shape': [2, 2, 3]}, np.full((2, 2, 3), v, np.uint8))\n"
    child = Child(1.5, script(tmp_path, body + "send(out, {'done': None})"))
    values = []
    for message in child.ask({}):
        if isinstance(message, np.ndarray):
            values.append(message[0, 0, 0])
            time.sleep(0.8)
    child.stop()
    assert values == [0, 1, 2]


def test_a_long_video_is_given_time_as_long_as_frames_come(tmp_path):
    """What counts is the time since the last frame, or since the sign that there was one."""
    body = (
        "for _ in range(4): time.sleep(0.4); send(out, {'alive': True})\n"
        "for _ in range(4): time.sleep(0.4); send(out, {'shape': [1, 1, 3]}, np.ones(3, 'u1'))\n"
        "send(out, {'done': None})"
    )
    child = Child(1.5, script(tmp_path, body))
    messages = list(child.ask({}))
    child.stop()
    assert len(messages) == 5


def test_signs_of_life_are_not_sent_for_every_frame(monkeypatch):
    now, out = [0.0], io.BytesIO()
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    alive = SignsOfLife(out)
    for _ in range(100):
        now[0] += 0.01
        alive()
    assert 5 <= out.getvalue().count(b"alive") <= 10


def test_the_child_waits_for_a_slow_reader(tmp_path):
    """Frames wait in the pipe between the processes, which is all the memory that they take."""
    body = (
        "for v in range(100):\n"
        "    send(out, {'shape': [500, 700, 3]}, np.zeros((500, 700, 3), np.uint8))\n"
        f"    open({str(tmp_path / 'sent')!r}, 'a').write('x')"
    )
    child = Child(5, script(tmp_path, body))
    messages = child.ask({})
    next(messages)
    log = tmp_path / "sent"
    while not log.exists():
        time.sleep(0.01)
    time.sleep(0.2)
    messages.close()
    assert len(log.read_text()) < 5


def test_stopping_early_leaves_no_rest_for_the_next_answer(make_video):
    child = Child(5)
    path = str(make_video())
    (header,) = child.ask({"task": "inspect", "path": path})
    request = {"task": "pyav", "path": path, "inspection": header["done"]}
    frames = child.ask(request)
    first = next(frames)
    frames.close()
    messages = list(child.ask(request))
    child.stop()
    assert len(messages) == 13
    np.testing.assert_array_equal(messages[0], first)


def test_a_killed_job_leaves_no_decoder_behind(tmp_path):
    fifo = tmp_path / "hangs.mp4"
    os.mkfifo(fifo)
    job = tmp_path / "job.py"
    job.write_text(
        "from commonfate.videos.child import Child\n"
        "child = Child(60)\n"
        "child._start()\n"
        "print(child._process.pid, flush=True)\n"
        f"list(child.ask({{'task': 'inspect', 'path': {str(fifo)!r}}}))\n"
    )
    process = subprocess.Popen([sys.executable, job], stdout=subprocess.PIPE, text=True)
    decoder = int(process.stdout.readline())
    process.kill()
    process.wait()
    process.stdout.close()
    deadline = time.monotonic() + 10
    while alive(decoder) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not alive(decoder)


def alive(pid: int) -> bool:
    """A process that has ended may stay as a zombie where nobody takes note of its end."""
    status = Path(f"/proc/{pid}/stat")
    try:
        return status.read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False
