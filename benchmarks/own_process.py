"""Measuring each way in a process of its own, so that none inherits the memory of another."""

import json
import subprocess
import sys
from pathlib import Path


def memory_mb(field: str) -> float:
    """A field of this process's status, e.g. `VmRSS` (memory now) or `VmHWM` (its peak)."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return float(status.split(f"{field}:")[1].split()[0]) / 1024


def in_process(script: str, task: dict) -> dict[str, float]:
    """Run `script --task JSON` and read what its last line says.

    Raises:
        RuntimeError: it failed; with what it wrote to stderr.
    """
    command = [sys.executable, script, "--task", json.dumps(task)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{task['way']}: {done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])
