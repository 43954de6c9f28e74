"""Jobs planned, running and finished, and the time that is left."""

import re
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

TAIL_BYTES = 2000
LABEL_LENGTH = 48


@dataclass
class Job:
    """A running job."""

    rule: str
    wildcards: Mapping[str, str]
    logs: Sequence[str]
    began: float
    """When, on the monotonic clock."""
    began_at: float
    """When, on the clock of files."""

    @property
    def label(self) -> str:
        """Rule and wildcards, e.g. `flow sprites dis 0001`, short enough for a line."""
        label = " ".join([self.rule, *map(str, self.wildcards.values())])
        return label if len(label) <= LABEL_LENGTH else f"{label[: LABEL_LENGTH - 1]}…"

    def text(self) -> str:
        """All of its log."""
        return "\n".join(_read(log) for log in self.logs).rstrip()

    def last_line(self) -> str:
        """The last line of its log, without the time of day; empty if it has written none."""
        for log in self.logs:
            path = Path(log)
            try:
                if path.stat().st_mtime < self.began_at - 1:
                    continue  # left by an earlier run
                with path.open("rb") as file:
                    file.seek(max(0, path.stat().st_size - TAIL_BYTES))
                    lines = file.read().decode(errors="replace").split("\n")
            except OSError:
                continue
            lines = [line.strip() for line in lines if line.strip()]
            if lines:
                return re.sub(r"^\d\d:\d\d:\d\d ", "", lines[-1])
        return ""


class State:
    """Jobs of a run. Snakemake's thread tells what happens, the screen's asks for a text."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self._running: dict[int, Job] = {}
        self._planned: Counter[str] = Counter()
        self._finished: dict[str, list[float]] = defaultdict(list)
        self._failed = 0
        self.total = 0

    def plan(self, counts: Mapping[str, int]) -> None:
        """Set the number of jobs by rule; `total` is that of all."""
        with self._lock:
            self.total = counts.get("total", 0)
            self._planned = Counter({rule: n for rule, n in counts.items() if rule != "total"})

    def start(
        self, identifier: int, rule: str, wildcards: Mapping[str, str], logs: Sequence[str]
    ) -> None:
        """Count a job as running."""
        with self._lock:
            self._running[identifier] = Job(rule, wildcards, logs, time.monotonic(), time.time())

    def finish(self, identifier: int) -> Job | None:
        """Count a job as finished, and return it; None if its start was not seen."""
        with self._lock:
            job = self._running.pop(identifier, None)
            rule = job.rule if job else ""
            self._finished[rule].append(time.monotonic() - job.began if job else 0.0)
            return job

    def fail(self, identifier: int | None) -> None:
        """Count a job as failed."""
        with self._lock:
            self._running.pop(identifier, None)
            self._failed += 1

    @property
    def done(self) -> int:
        """Number of finished jobs."""
        with self._lock:
            return sum(map(len, self._finished.values()))

    def text(self) -> str:
        """Failures, the time left, and what is running, each after a comma."""
        with self._lock:
            jobs = list(self._running.values())
            failed, left_s = self._failed, self._seconds_left()
        parts = [f"{failed} failed"] if failed else []
        parts += [f"about {duration(left_s)} left"] if left_s is not None else []
        parts += [_described(job) for job in jobs[:2]]
        parts += [f"{len(jobs) - 2} more"] if len(jobs) > 2 else []
        return "".join(f", {part}" for part in parts)

    def summary(self) -> str:
        """The whole run in a line."""
        failed = f", {self._failed} failed" if self._failed else ""
        took = duration(time.monotonic() - self._began)
        return f"{self.done} of {self.total} jobs in {took}{failed}"

    def _seconds_left(self) -> float | None:
        """Time left, as if jobs of a rule took equally long; None before the first has finished.

        Jobs that run side by side share it; a rule of which no job has finished counts as the
        others do on average.
        """
        lengths = [length for rule in self._finished.values() for length in rule]
        if not lengths:
            return None
        average, now = sum(lengths) / len(lengths), time.monotonic()
        left_s = 0.0
        for rule, planned in self._planned.items():
            finished = self._finished.get(rule, [])
            each = sum(finished) / len(finished) if finished else average
            left_s += each * (planned - len(finished))
        for job in self._running.values():
            finished = self._finished.get(job.rule, [])
            each = sum(finished) / len(finished) if finished else average
            left_s -= min(each, now - job.began)
        side_by_side = max(1.0, sum(lengths) / max(now - self._began, 1e-9))
        return max(0.0, left_s / side_by_side)


def _described(job: Job) -> str:
    line = job.last_line()
    return f"{job.label} ({line[:60]})" if line else job.label


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def duration(seconds: float) -> str:
    """Seconds as a reader says them, e.g. `40 s`, `12 min`, `3 h 20 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
