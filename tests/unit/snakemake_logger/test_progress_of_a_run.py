"""The screen during a run: jobs done, time left, what is running, errors and tables."""

import logging
import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from snakemake.logging import DefaultFormatter
from snakemake_interface_logger_plugins.common import LogEvent

from snakemake_logger_plugin_commonfate import LogHandler
from snakemake_logger_plugin_commonfate.state import State, duration


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(time, "monotonic", lambda: clock.now)
    return clock


def test_time_left_counts_each_rule_by_its_own_mean(clock) -> None:
    state = State()
    state.plan({"flow": 3, "train": 2, "total": 5})
    for number, (rule, seconds) in enumerate([("flow", 10), ("train", 100)]):
        state.start(number, rule, {}, [])
        clock.now += seconds
        state.finish(number)
    # Two of flow and one of train are left: 2 * 10 + 100 seconds, one job at a time.
    assert ", about 2 min left" in state.text()
    state.start(9, "train", {"run": "gwm"}, [])
    clock.now += 40
    assert state.text() == ", about 80 s left, train gwm"
    assert state.done == 2


def test_jobs_side_by_side_share_the_time_left(clock) -> None:
    state = State()
    state.plan({"flow": 4, "total": 4})
    for number in range(2):
        state.start(number, "flow", {}, [])
    clock.now += 60
    for number in range(2):
        state.finish(number)
    assert state.text() == ", about 60 s left"


def test_the_last_line_of_a_log_tells_how_far_a_job_is(tmp_path: Path) -> None:
    log, state = tmp_path / "train.log", State()
    state.start(1, "train", {"run": "gwm"}, [str(log)])
    assert state.text() == ", train gwm"
    log.write_text("12:00:01 reading\n12:00:09 training: 10/40, 2.00 a second, 15 s left\n")
    assert state.text() == ", train gwm (training: 10/40, 2.00 a second, 15 s left)"


def test_what_an_earlier_run_has_logged_is_not_shown(tmp_path: Path) -> None:
    log, state = tmp_path / "train.log", State()
    log.write_text("12:00:01 finished\n")
    os.utime(log, (0, 0))
    state.start(1, "train", {}, [str(log)])
    assert state.text() == ", train"


@pytest.mark.parametrize(
    ("seconds", "text"), [(40.2, "40 s"), (95, "2 min"), (12_000, "3 h 20 min")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def _handler(dryrun: bool = False) -> LogHandler:
    settings = SimpleNamespace(stdout=False, nocolor=True, dryrun=dryrun)
    handler = LogHandler(settings, None)
    handler.setFormatter(DefaultFormatter(show_failed_logs=True))
    return handler


def _say(handler: LogHandler, message: str, level: int = logging.INFO, **extra: Any) -> None:
    """Give the handler one of Snakemake's records."""
    record = logging.LogRecord("snakemake", level, "", 0, message, None, None)
    record.__dict__.update(extra)
    handler.emit(record)


def _job(rule: str, log: Path) -> dict:
    return {
        "event": LogEvent.JOB_INFO,
        "jobid": 1,
        "rule_name": rule,
        "wildcards": {},
        "log": [str(log)],
    }


def test_a_run_prints_errors_and_tables_but_no_job_texts(capsys, tmp_path: Path) -> None:
    log, handler = tmp_path / "table.log", _handler()
    _say(handler, "Job stats: ...", event=LogEvent.RUN_INFO, stats={"table": 1, "total": 1})
    _say(handler, " Rule: table, Jobid: 1", **_job("table", log))
    log.write_text("| method | J |\n")
    _say(handler, "Select jobs to execute...")
    _say(handler, "[3 of] videos left out", logging.WARNING)
    _say(handler, "Finished jobid: 1", event=LogEvent.JOB_FINISHED, job_id=1)
    handler.close()
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["[3 of] videos left out", "| method | J |", "1 of 1 jobs in 0 s"]


def test_a_failed_job_shows_its_log(capsys, tmp_path: Path) -> None:
    log, handler = tmp_path / "train.log", _handler()
    log.write_text("runs/gwm: iteration 3 is not finite\n")
    _say(handler, "", event=LogEvent.RUN_INFO, stats={"train": 1, "total": 1})
    error = {"input": [], "output": [], "aux": {}, "conda_env": None, "shellcmd": None}
    extra = _job("train", log) | error | {"event": LogEvent.JOB_ERROR, "rule_msg": None}
    _say(handler, "failed", logging.ERROR, **extra)
    handler.close()
    text = capsys.readouterr().err
    assert "Error in rule train" in text
    assert "iteration 3 is not finite" in text
    assert "0 of 1 jobs in 0 s, 1 failed" in text


def test_a_dry_run_is_shown_as_snakemake_shows_it(capsys) -> None:
    handler = _handler(dryrun=True)
    _say(handler, "Job stats:\njob count", event=LogEvent.RUN_INFO, stats={"total": 2})
    _say(handler, "This was a dry-run (flag -n).")
    handler.close()
    assert capsys.readouterr().err == "Job stats:\njob count\nThis was a dry-run (flag -n).\n"
