"""`snakemake --logger commonfate`: a bar with the stages at work, not the text of every job.

On a terminal one line moves; elsewhere a line is printed every few seconds. Errors, the log of a
job that failed, and tables appear in full. Snakemake's own texts are in `.snakemake/log`, those of
the jobs in `results/logs`.
"""

import sys
import threading
from logging import WARNING, LogRecord, StreamHandler

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column
from snakemake.logging import ColorizingTextHandler, get_event
from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from snakemake_logger_plugin_commonfate.state import State

LINE_EVERY_S, BAR_EVERY_S = 10.0, 1.0
SHOWN = ("Nothing to be done", "Complete log")
"""Beginnings of those plain messages of Snakemake that concern a reader."""
REPORTED = ("table", "flow_quality_table")
"""Rules whose log is shown when they end: the table."""


class LogHandler(LogHandlerBase):
    """Snakemake's messages, as progress and errors; a dry run is shown as Snakemake shows it."""

    def __post_init__(self) -> None:
        stream = sys.stdout if self.common_settings.stdout else sys.stderr
        self._plain: StreamHandler = ColorizingTextHandler(self.common_settings.nocolor, stream)
        self._state = State()
        self._console = Console(file=stream)
        self._bar: Progress | None = None
        self._over = threading.Event()
        self._ticker: threading.Thread | None = None

    def setFormatter(self, fmt) -> None:
        """Use the same formatter for the messages that are passed on."""
        super().setFormatter(fmt)
        self._plain.setFormatter(fmt)

    def emit(self, record: LogRecord) -> None:
        """Follow the jobs; pass on what the reader must see."""
        event = get_event(record)
        if self.common_settings.dryrun:
            self._plain.emit(record)
        elif event == LogEvent.RUN_INFO:
            self._state.plan(record.stats)
            self._start()
        elif event == LogEvent.JOB_INFO:
            self._state.start(record.jobid, record.rule_name, record.wildcards, record.log)
        elif event == LogEvent.JOB_FINISHED:
            job = self._state.finish(record.job_id)
            if job is not None and job.rule in REPORTED:
                self._print(job.text())
        elif event in (LogEvent.JOB_ERROR, LogEvent.GROUP_ERROR):
            self._state.fail(getattr(record, "jobid", None))
            self._print(self.format(record))
        elif event == LogEvent.ERROR or self._concerns_the_reader(record):
            self._print(self.format(record))

    @staticmethod
    def _concerns_the_reader(record: LogRecord) -> bool:
        plain = get_event(record) is None
        return plain and (record.levelno >= WARNING or str(record.msg).startswith(SHOWN))

    def close(self) -> None:
        """End the bar and say how long it took."""
        self._over.set()
        if self._ticker is not None:
            self._ticker.join()
            self._ticker = None
            if self._bar is not None:
                self._show()
                self._bar.stop()
            self._console.print(self._state.summary(), highlight=False, markup=False)
        super().close()

    def _print(self, text: str) -> None:
        console = self._bar.console if self._bar else self._console
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _start(self) -> None:
        if self._ticker is not None:
            return
        if self._console.is_terminal and self._state.total:
            columns = (BarColumn(20), MofNCompleteColumn(), TimeElapsedColumn())
            rest = Column(ratio=1, no_wrap=True, overflow="ellipsis")
            text = TextColumn("{task.description}", markup=False, table_column=rest)
            self._bar = Progress(*columns, text, console=self._console, expand=True)
            self._task = self._bar.add_task("", total=self._state.total)
            self._bar.start()
        self._ticker = threading.Thread(target=self._tick, daemon=True)
        self._ticker.start()

    def _tick(self) -> None:
        while not self._over.wait(BAR_EVERY_S if self._bar else LINE_EVERY_S):
            self._show()

    def _show(self) -> None:
        if self._bar is None:
            self._print(f"{self._state.done}/{self._state.total} jobs{self._state.text()}")
            return
        text = self._state.text().lstrip(", ")
        self._bar.update(self._task, completed=self._state.done, description=text)

    @property
    def writes_to_stream(self) -> bool:
        """It takes the place of Snakemake's own handler."""
        return True

    @property
    def writes_to_file(self) -> bool:
        """Snakemake's own log file stays."""
        return False

    @property
    def has_filter(self) -> bool:
        """Snakemake's own filter, that of --quiet, applies."""
        return False

    @property
    def has_formatter(self) -> bool:
        """Messages are formatted as Snakemake does."""
        return False

    @property
    def needs_rulegraph(self) -> bool:
        """The graph of the rules is not needed."""
        return False
