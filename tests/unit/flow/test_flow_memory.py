"""Freed memory is kept: arrays made again and again touch no new pages."""

import resource
import subprocess
import sys

PROGRAM = """
import resource, sys
import numpy as np
from commonfate.flow.extraction.memory import keep_freed_memory
for size in (3, 9):  # blocks must be wanted in turn, or glibc keeps them anyway
    np.ones(size << 20, np.uint8)
if sys.argv[1] == "keep":
    print(keep_freed_memory())
for _ in range(3):
    blocks = [np.ones(3 << 20, np.uint8) for _ in range(8)]
    del blocks
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    blocks = [np.ones(3 << 20, np.uint8) for _ in range(8)]
    del blocks
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def test_the_same_memory_is_used_again():
    def run(word: str) -> list[str]:
        command = [sys.executable, "-c", PROGRAM, word]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()

    done, faults = run("keep")
    (without,) = run("leave")
    pages = 10 * 8 * (3 << 20) // resource.getpagesize()
    if done == "False":  # another C library
        return
    assert int(faults) < pages / 50
    assert int(without) > pages / 4
