"""Extraction on several devices: a process for each, all staging into one store."""

import logging
import multiprocessing
import os
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

from commonfate.base import devices
from commonfate.base.errors import UserError, as_user_error, naming
from commonfate.base.processes import shielded
from commonfate.base.progress import track
from commonfate.flow.extraction.extract import PROGRESS, LeftOut, Staging, finalize
from commonfate.flow.extraction.schedule import VideoWork
from commonfate.flow.settings import FlowSource

if TYPE_CHECKING:
    from commonfate.storage.flow_writer import FlowWriter

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ProcessSettings:
    """Devices, and the settings from which each process makes its flow provider.

    Attributes:
        devices: device of each process, as `devices.listed` returns them.
        source: the flow source.
        batch_size: pairs at a time; None leaves it to the estimator.
        threads: CPU threads of each process.
    """

    devices: tuple[str, ...]
    source: FlowSource
    batch_size: int | None
    threads: int


@dataclass(frozen=True)
class _Job:
    """The share of one process; arguments of `extract`."""

    videos: Sequence[Mapping[str, Any]]
    frames: Path
    gaps: Sequence[int]
    writer: "FlowWriter"
    settings: ProcessSettings
    contents: Mapping[str, str] | None


def extract(
    videos: Sequence[Mapping[str, Any]],
    frames: Path,
    gaps: Sequence[int],
    writer: "FlowWriter",
    settings: ProcessSettings,
    contents: Mapping[str, str] | None = None,
    may_be_empty: bool = False,
) -> list[LeftOut]:
    """Run `commonfate.flow.extraction.extract.extract` with one process for each device.

    When a process fails, the others complete their shares; staged pairs are kept.

    Args:
        videos: rows of the manifest.
        frames: store of the videos' frames.
        gaps: from frame t to t + gap.
        writer: entered; the caller exits it.
        settings: devices, and settings of the processes.
        contents, may_be_empty: as in `commonfate.flow.extraction.extract.extract`.

    Returns:
        The flow that is left out.

    Raises:
        UserError: a process died or failed by a user's mistake, or no video gave any flow.
        RuntimeError: a process failed otherwise.
    """
    from commonfate.storage.frames import FrameReader

    staging = Staging(
        videos, FrameReader(frames), gaps, writer, settings.source.consistency, contents
    )
    shares = _shares(staging.works, len(settings.devices))
    pool = _Pool()
    try:
        for device, share in zip(settings.devices, shares, strict=True):
            if share:
                pool.start(device, _Job(share, frames, gaps, writer.worker(), settings, contents))
        for _ in track(pool.pairs(), PROGRESS, staging.total, start=staging.done):
            pass
    finally:
        pool.stop()
    pool.raise_failures()
    order = [work.row["id"] for work in staging.works]
    failures = sorted(pool.left_out, key=lambda item: order.index(item.video))
    left_out = [*staging.left_out(), *failures]
    finalize(videos, gaps, writer, left_out, may_be_empty)
    # Each process describes its estimator, since the arithmetic can depend on the device.
    if pool.estimators:
        writer.provenance["estimator"] = "; ".join(sorted(pool.estimators))
    return left_out


def _shares(works: Sequence[VideoWork], count: int) -> list[list[Mapping[str, Any]]]:
    """Divide the videos among the processes: largest first, each to the smallest share so far."""
    shares: list[list[Mapping[str, Any]]] = [[] for _ in range(count)]
    pairs = [0] * count
    unfinished = [work for work in works if work.pairs]
    for work in sorted(unfinished, key=lambda work: work.pairs, reverse=True):
        least = pairs.index(min(pairs))
        shares[least].append(work.row)
        pairs[least] += work.pairs
    return shares


class _Pool:
    """The running processes, and their reports.

    Attributes:
        left_out: flow that they left out.
        estimators: descriptions of their estimators.
    """

    def __init__(self) -> None:
        self.left_out: list[LeftOut] = []
        self.estimators: set[str] = set()
        self._failures: list[tuple[str, Exception]] = []
        self._running: dict[Connection, tuple[str, Any]] = {}

    def start(self, name: str, job: _Job) -> None:
        context = multiprocessing.get_context("spawn")  # neither CUDA nor Zarr survives a fork
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_work, args=(theirs, name, job), daemon=True)
        with shielded():
            process.start()
        theirs.close()
        self._running[ours] = (name, process)

    def pairs(self) -> Iterator[None]:
        """Receive reports until all processes have ended; yields for each staged pair."""
        while self._running:
            for connection in wait(list(self._running)):
                try:
                    report = connection.recv()
                except EOFError:
                    report = self._died(connection)
                match report:
                    case int() as pairs:
                        yield from (None for _ in range(pairs))
                    case str() as description:
                        self.estimators.add(description)
                    case Exception() as error:
                        self._failures.append((self._ended(connection), error))
                    case list() as left_out:
                        self.left_out += left_out
                        self._ended(connection)

    def stop(self) -> None:
        """Terminate the processes that still run, after an interrupt."""
        for _, process in self._running.values():
            process.terminate()
            process.join()

    def raise_failures(self) -> None:
        """Log all failures and raise the first."""
        for name, error in self._failures:
            log.error("the process on %s failed: %s", name, error)
        if self._failures:
            raise self._failures[0][1]

    def _ended(self, connection: Connection) -> str:
        name, process = self._running.pop(connection)
        process.join()
        return name

    def _died(self, connection: Connection) -> UserError:
        name, process = self._running[connection]
        process.join()
        return UserError(
            f"--devices: the process on {name} died (it ended with exit code {process.exitcode}); "
            "what is staged is kept: run the same command again"
        )


def _work(connection: Connection, name: str, job: _Job) -> None:
    """Main function of a process: stage the flow of its videos, and send reports."""
    from commonfate.flow.estimators import registry
    from commonfate.storage.frames import FrameReader

    logging.basicConfig(
        level=logging.INFO,
        format=f"%(asctime)s {name}: %(message)s",
        datefmt="%H:%M:%S",
        stream=sys.stderr,
    )
    try:
        source = job.settings.source
        registry.limit_threads(job.settings.threads, source)
        with _device(name) as device, naming(job.writer.path), job.writer as writer:
            provider = registry.create_provider(source, device, job.settings.batch_size)
            connection.send(provider.description)
            frames = FrameReader(job.frames)
            staging = Staging(
                job.videos, frames, job.gaps, writer, provider.consistency, job.contents
            )
            for _ in staging.run(provider):
                connection.send(1)
        connection.send(staging.failures())
    except UserError as error:
        connection.send(error)
    except Exception as error:
        text = "".join(traceback.format_exception(error))
        connection.send(as_user_error(error) or RuntimeError(text))


@contextmanager
def _device(name: str) -> Iterator[str]:
    kind, _, index = name.partition(":")
    if index:
        os.environ[devices.VISIBLE] = devices.visible_gpus()[int(index)]
    with devices.acquire(kind) as acquired:
        yield acquired
