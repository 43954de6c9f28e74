"""The files of a run: working files while it trains, products once it is whole.

Snakemake deletes the outputs of an incomplete job before it starts the job again. What a resumed
run needs therefore lies under names that are no outputs (`.resume.pt`, `.metrics.jsonl`,
`.snapshots/`), and the outputs are hard links to them, made at the end. The working files stay: if
Snakemake was killed and deletes the outputs of a run that finished behind its back, the next call
puts them in place again. The links cost no space.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from commonfate.base.files import exclusive, replacing, replacing_directory, write_text


class RunFolder:
    """Paths below `results/runs/{run}`, and operations on all of them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.resume = path / ".resume.pt"
        self.metrics = path / ".metrics.jsonl"
        self.snapshots = path / ".snapshots"

    def snapshot(self, iteration: int) -> Path:
        """File of the weights after `iteration` steps."""
        return self.snapshots / f"{iteration:06d}.pt"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from training the same run; wait while one does.

        One may be left from a killed Snakemake: its jobs live on.
        """
        with exclusive(self.path, self.path / ".lock"):
            yield

    def clear(self) -> None:
        """Forget what was begun. Products of an earlier training stay until they are replaced."""
        for file in (self.resume, self.metrics):
            file.unlink(missing_ok=True)
        shutil.rmtree(self.snapshots, ignore_errors=True)

    def publish(self, config: dict[str, Any]) -> None:
        """Put the products in place; the checkpoint comes last."""
        write_text(self.path / "config.yaml", yaml.safe_dump(config, sort_keys=False))
        with replacing(self.path / "metrics.jsonl") as temporary:
            _link(self.metrics, temporary)
        with replacing_directory(self.path / "snapshots") as temporary:
            for file in sorted(self.snapshots.glob("*.pt")):
                _link(file, temporary / file.name)
        with replacing(self.path / "checkpoint.pt") as temporary:
            _link(self.resume, temporary)


def snapshot_iterations(iterations: int, snapshots: int) -> set[int]:
    """Numbers of done iterations after which weights are kept: evenly spaced, the last included."""
    return {-(-iterations * k // snapshots) for k in range(1, snapshots + 1)}


def _link(source: Path, target: Path) -> None:
    """Hard link, dated now; a copy where the file system has no links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
    target.touch()
