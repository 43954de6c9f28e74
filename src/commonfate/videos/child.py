"""The decoding child process, seen from the job that uses it."""

import contextlib
import fcntl
import json
import os
import select
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from commonfate.videos.container import DecodeError

COMMAND = (sys.executable, "-P", "-m", "commonfate.videos.worker")

PIPE_BYTES = 2**20
START_S = 120.0  # a cold network file system is slow to hand out libraries


class NoAnswer(DecodeError):
    """The child was killed because it took too long, or it died."""


class Child:
    """The child process, started at the first request, and again after it was killed.

    Args:
        timeout_s: longest wait for the next message: a frame, or a sign that a frame has been
            decoded. The child's start and the time of the reader do not count.
        command: command that starts it.
    """

    def __init__(self, timeout_s: float, command: Sequence[str] = COMMAND) -> None:
        self.timeout_s = timeout_s
        self.command = command
        self._process: _Process | None = None

    def ask(self, request: dict[str, Any]) -> Iterator[np.ndarray | dict[str, Any]]:
        """Yield the frames of an answer, (H, W, 3) uint8, and its last header.

        Memory is bounded by the pipe between the processes: the child waits for the reader.

        Raises:
            NoAnswer: the child took longer than `timeout_s` for a frame, or died.
        """
        complete = False
        try:
            process = self._process or self._start()
            process.send(request)
            while not complete:
                header, left_s = process.header(self.timeout_s)
                if "shape" in header:
                    frame = np.empty(header["shape"], np.uint8)
                    process.fill(frame.data.cast("B"), left_s)
                    yield frame
                elif "alive" not in header:
                    complete = True
                    yield header
        finally:
            # Also if the reader stops early: the rest of this answer must not begin the next one.
            if not complete:
                self.stop()

    def stop(self) -> None:
        """Kill the child; the next request starts a new one."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def _start(self) -> "_Process":
        self._process = process = _Process(self.command, self.timeout_s)
        try:
            process.header(START_S)
        except NoAnswer as error:
            # Not the fault of a video.
            raise RuntimeError(f"the decoding process does not start: {error}") from error
        return process


class _Process:
    """A running child and its pipes.

    Args:
        command: command that starts it.
        timeout_s: for messages.
    """

    def __init__(self, command: Sequence[str], timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the child lives
        fcntl.fcntl(self._errors, fcntl.F_SETFL, os.O_APPEND)
        self._child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            bufsize=0,
        )
        assert self._child.stdin is not None and self._child.stdout is not None
        self._requests, self._answers = self._child.stdin, self._child.stdout
        # Fewer switches between the processes: 1080p frames arrive 1.5 times as fast.
        with contextlib.suppress(OSError):
            fcntl.fcntl(self._answers, fcntl.F_SETPIPE_SZ, PIPE_BYTES)

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._child.pid

    def kill(self) -> None:
        """Kill the child and close its pipes."""
        self._child.kill()
        self._child.wait()
        self._requests.close()
        self._answers.close()
        self._errors.close()

    def send(self, request: dict[str, Any]) -> None:
        """Send a request; a child that has died is found when the answer is read."""
        self._errors.truncate(0)
        with contextlib.suppress(BrokenPipeError):
            self._requests.write(json.dumps(request).encode() + b"\n")

    def header(self, left_s: float) -> tuple[dict[str, Any], float]:
        """Read a header within `left_s`; return it and the time that is left."""
        length = bytearray(4)
        left_s = self.fill(memoryview(length), left_s)
        text = bytearray(struct.unpack(">I", length)[0])
        left_s = self.fill(memoryview(text), left_s)
        return json.loads(text), left_s

    def fill(self, view: memoryview, left_s: float) -> float:
        """Read until `view` is full; return the time that is left.

        Raises:
            NoAnswer: `left_s` has passed, or the child has died.
        """
        descriptor = self._answers.fileno()
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        while view:
            began = time.monotonic()
            ready = poll.poll(max(left_s, 0) * 1000)
            left_s -= time.monotonic() - began
            if not ready:
                raise NoAnswer(f"timeout: no new frame within {self.timeout_s:g} s")
            count = os.readv(descriptor, [view])
            if count == 0:
                raise NoAnswer(self._last_words())
            view = view[count:]
        return left_s

    def _last_words(self) -> str:
        code = self._child.wait()
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        cause = f"signal {-code}" if code < 0 else f"exit code {code}"
        return f"the decoder died ({cause}{': ' + lines[-1][:200] if lines else ''})"
