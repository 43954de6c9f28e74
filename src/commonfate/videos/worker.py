"""The decoding child process: answers requests on stdin with messages on stdout.

Started as `python -m commonfate.videos.worker` by `commonfate.videos.child`. Decoders crash, hang
and fill memory on damaged files; here they take nothing else down.

A request is a line of JSON: `{"task": "inspect" | "decord" | "pyav", "path": ..., "found": ...}`.
A message is the length of its JSON header (4 bytes, big-endian), the header, and for a frame its
bytes. The first message says that the child is ready; the last one of an answer has `done` or
`error` in its header.
"""

import ctypes
import dataclasses
import json
import os
import signal
import struct
import sys
from importlib import import_module
from typing import Any, BinaryIO

import numpy as np

from commonfate.videos.backends import BACKENDS
from commonfate.videos.inspection import DecodeError, Inspection, inspect

PR_SET_PDEATHSIG = 1


def send(out: BinaryIO, header: dict[str, Any], payload: np.ndarray | None = None) -> None:
    """Write one message."""
    text = json.dumps(header).encode()
    out.write(struct.pack(">I", len(text)) + text)
    if payload is not None:
        out.write(payload.data)
    out.flush()


def answer(out: BinaryIO, request: dict[str, Any]) -> None:
    """Do what one request asks for."""
    try:
        if request["task"] == "inspect":
            found = inspect(request["path"])
            send(out, {"done": dataclasses.asdict(found)})
            return
        frames = BACKENDS[request["task"]]
        for frame in frames(request["path"], Inspection.from_json(request["found"])):
            send(out, {"shape": frame.shape}, np.ascontiguousarray(frame))
        send(out, {"done": None})
    except DecodeError as error:
        send(out, {"error": str(error), "kind": type(error).__name__})


def main() -> None:
    """Answer requests until stdin ends."""
    if sys.platform == "linux":
        # A killed job must not leave a hanging decoder behind.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # Libraries that write to stdout must not end up between the messages.
    with os.fdopen(os.dup(1), "wb") as out:
        os.dup2(2, 1)
        import_module("av")  # now, not while the first file's time runs
        send(out, {"ready": os.getpid()})
        for line in sys.stdin.buffer:
            answer(out, json.loads(line))


if __name__ == "__main__":
    main()
