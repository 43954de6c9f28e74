"""Several devices: a process for each, videos shared out, all staging into one store."""

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
from commonfate.flow.extraction.extract import PROGRESS, LeftOut, Staging, conclude
from commonfate.flow.extraction.work import VideoWork
from commonfate.flow.settings import FlowSource

if TYPE_CHECKING:
    from commonfate.storage.flow_writer import FlowWriter

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Crew:
    """The processes, and what each of them makes its flow provider of.

    Attributes:
        devices: of each process, as `devices.listed` gives them.
        source: where flow comes from.
        batch_size: pairs at a time; None leaves it to the estimator.
        threads: CPU threads of each.
    """

    devices: tuple[str, ...]
    source: FlowSource
    batch_size: int | None
    threads: int


@dataclass(frozen=True)
class _Job:
    """What a process is to do; arguments of `extract`."""

    videos: Sequence[Mapping[str, Any]]
    frames: Path
    gaps: Sequence[int]
    writer: "FlowWriter"
    crew: Crew
    contents: Mapping[str, str] | None


def extract(
    videos: Sequence[Mapping[str, Any]],
    frames: Path,
    gaps: Sequence[int],
    writer: "FlowWriter",
    crew: Crew,
    contents: Mapping[str, str] | None = None,
    may_be_empty: bool = False,
) -> list[LeftOut]:
    """As `commonfate.flow.extraction.extract.extract`, by one process for each device.

    When a process fails the others go on to their end; what is staged is kept.

    Args:
        videos: rows of the manifest.
        frames: the store of their frames.
        gaps: from frame t to t + gap.
        writer: entered; the caller exits it.
        crew: the processes.
        contents, may_be_empty: as `commonfate.flow.extraction.extract.extract` takes them.

    Raises:
        UserError: a process died or failed by a user's mistake, or nothing gave any flow.
        RuntimeError: a process failed otherwise.
    """
    from commonfate.storage.frames import FrameReader

    staging = Staging(videos, FrameReader(frames), gaps, writer, crew.source.consistency, contents)
    shares = _shares(staging.works, len(crew.devices))
    processes = _Processes()
    try:
        for device, share in zip(crew.devices, shares, strict=True):
            if share:
                processes.start(device, _Job(share, frames, gaps, writer.worker(), crew, contents))
        for _ in track(processes.pairs(), PROGRESS, staging.total, start=staging.done):
            pass
    finally:
        processes.stop()
    processes.raise_failures()
    order = [work.row["id"] for work in staging.works]
    failures = sorted(processes.left_out, key=lambda item: order.index(item.video))
    left_out = [*staging.left_out(), *failures]
    conclude(videos, gaps, writer, left_out, may_be_empty)
    # What computes is only known where it runs: another device may mean another arithmetic.
    if processes.estimators:
        writer.provenance["estimator"] = "; ".join(sorted(processes.estimators))
    return left_out


def _shares(works: Sequence[VideoWork], count: int) -> list[list[Mapping[str, Any]]]:
    """Videos for each process: those with most pairs first, each to who has least so far."""
    shares: list[list[Mapping[str, Any]]] = [[] for _ in range(count)]
    pairs = [0] * count
    unfinished = [work for work in works if work.pairs]
    for work in sorted(unfinished, key=lambda work: work.pairs, reverse=True):
        least = pairs.index(min(pairs))
        shares[least].append(work.row)
        pairs[least] += work.pairs
    return shares


class _Processes:
    """The processes, and what they report.

    Attributes:
        left_out: what they gave up.
        estimators: what they estimate with, described.
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
        """Listen to all until they have ended; yields for each pair that is staged."""
        while self._running:
            for connection in wait(list(self._running)):
                try:
                    said = connection.recv()
                except EOFError:
                    said = self._died(connection)
                match said:
                    case int():
                        yield from (None for _ in range(said))
                    case str():
                        self.estimators.add(said)
                    case Exception():
                        self._failures.append((self._ended(connection), said))
                    case list():
                        self.left_out += said
                        self._ended(connection)

    def stop(self) -> None:
        """End those that still run, when the caller was interrupted."""
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
    """Body of a process: stage the flow of some videos, and report."""
    from commonfate.flow.estimators import providers
    from commonfate.storage.frames import FrameReader

    logging.basicConfig(
        level=logging.INFO,
        format=f"%(asctime)s {name}: %(message)s",
        datefmt="%H:%M:%S",
        stream=sys.stderr,
    )
    try:
        source = job.crew.source
        providers.limit_threads(job.crew.threads, source)
        with _device(name) as device, naming(job.writer.path), job.writer as writer:
            provider = providers.create(source, device, job.crew.batch_size)
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
