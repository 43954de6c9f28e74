"""The decoding child process: answers requests on stdin with messages on stdout.

Started as `python -m commonfate.videos.worker` by `commonfate.videos.child`. Decoders crash, hang
and fill memory on damaged files; in a process of their own they harm nothing else.

A request is a line of JSON: `{"task": "inspect" | "decord" | "pyav", "path": ...,
"inspection": ..., "deinterlace": ...}`.

A message is the length of its JSON header (4 bytes, big-endian), the header, and for a frame its
bytes. The first message, `ready`, follows the start; `alive` messages show that frames are being
decoded; the last message of an answer has `done` or `error` in its header.
"""

import ctypes
import dataclasses
import json
import os
import signal
import struct
import sys
import time
from importlib import import_module
from typing import Any, BinaryIO

import numpy as np

from commonfate.videos.backends import BACKENDS
from commonfate.videos.container import DecodeError
from commonfate.videos.inspection import Inspection, inspect

PR_SET_PDEATHSIG = 1
SIGN_EVERY_S = 0.1


def send(out: BinaryIO, header: dict[str, Any], payload: np.ndarray | None = None) -> None:
    """Write one message."""
    text = json.dumps(header).encode()
    out.write(struct.pack(">I", len(text)) + text)
    if payload is not None:
        out.write(payload.data)
    out.flush()


class SignsOfLife:
    """Messages that another frame has been decoded, at most one every `SIGN_EVERY_S`."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._last = time.monotonic()

    def __call__(self) -> None:
        if time.monotonic() - self._last > SIGN_EVERY_S:
            send(self._out, {"alive": True})
            self._last = time.monotonic()


def answer(out: BinaryIO, request: dict[str, Any]) -> None:
    """Answer a request."""
    alive = SignsOfLife(out)
    try:
        if request["task"] == "inspect":
            inspection = inspect(request["path"], alive)
            send(out, {"done": dataclasses.asdict(inspection)})
            return
        frames = BACKENDS[request["task"]]
        inspection = Inspection.from_json(request["inspection"])
        deinterlace = request.get("deinterlace", False)
        for frame in frames(request["path"], inspection, deinterlace, alive):
            send(out, {"shape": frame.shape}, np.ascontiguousarray(frame))
        send(out, {"done": None})
    except DecodeError as error:
        send(out, {"error": str(error), "kind": type(error).__name__})


def main() -> None:
    """Answer requests until stdin ends."""
    if sys.platform == "linux":
        # A hanging decoder must end with its job, even a killed one.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # Libraries that write to stdout must not end up between the messages.
    with os.fdopen(os.dup(1), "wb") as out:
        os.dup2(2, 1)
        import_module("av")  # now, so that it does not count as time of the first file
        send(out, {"ready": os.getpid()})
        for line in sys.stdin.buffer:
            answer(out, json.loads(line))


if __name__ == "__main__":
    main()
