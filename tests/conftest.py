"""Data that tests share: recorded arrays and real frames, skipped with a reason where missing."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

SHARED = Path(__file__).parents[2] / "shared"
REFERENCE = Path(os.environ.get("COMMONFATE_REFERENCE_DIR", SHARED / "reference"))


def pytest_configure() -> None:
    """Let Ctrl-C interrupt: a shell that starts tests in the background has it ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist looks at the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each process of pytest-xdist whole files, and one of them the finished workflow.

    That one takes longest, so it begins.
    """
    for item in items:
        group = "workflow" if _of_workflow(item) else str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=lambda item: not _of_workflow(item))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Stop where pytest-xdist has not seen the groups: each process would make the workflow."""
    grouped = session.config.getoption("loadgroup", False)
    if grouped and session.items and "@" not in session.items[0].nodeid:
        pytest.exit("this pytest and this pytest-xdist do not go together: no test has a group", 3)


def _of_workflow(item: pytest.Item) -> bool:
    return "smoke" in getattr(item, "fixturenames", ())


def _parity(reporter: pytest.TerminalReporter, outcome: str) -> int:
    reports = reporter.stats.get(outcome, [])
    return sum("tests/reference/" in getattr(report, "nodeid", "") for report in reports)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many parity tests ran: a test that silently skips itself proves nothing."""
    ran, skipped = (_parity(terminalreporter, outcome) for outcome in ("passed", "skipped"))
    terminalreporter.write_line(f"parity tests: {ran} passed, {skipped} skipped")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where the recorded arrays are at hand, a skipped parity test is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return  # a process of pytest-xdist; the one that started it counts for all
    if REFERENCE.is_dir() and _parity(reporter, "skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def reference() -> Callable[[str], dict[str, np.ndarray]]:
    """Load a file of recorded arrays by name."""

    def load(name: str) -> dict[str, np.ndarray]:
        path = REFERENCE / name
        if not path.is_file():
            pytest.skip(f"no {path}; set COMMONFATE_REFERENCE_DIR to the recorded arrays")
        with np.load(path) as arrays:
            return dict(arrays)

    return load


@pytest.fixture(scope="session")
def reference_readme() -> Path:
    """The README of the recorded arrays: theirs, else that of the open set."""
    result = [folder / "README.md" for folder in (REFERENCE, SHARED / "reference")]
    present = [path for path in result if path.is_file()]
    if not present:
        pytest.skip(f"no {result[0]}; it says how exact the recorded arrays are")
    return present[0]


@pytest.fixture(scope="session")
def davis_root() -> Path:
    """Root of real DAVIS 2016 data."""
    root = Path(os.environ.get("COMMONFATE_DAVIS_DIR", SHARED / "data" / "DAVIS2016"))
    if not root.is_dir():
        pytest.skip(f"no {root}; set COMMONFATE_DAVIS_DIR to a folder with DAVIS 2016")
    return root
