"""Kill -9 in the middle of a stage: the same command completes, with the same table."""

import csv
import os
import signal
import time
from pathlib import Path

import pytest

# The file whose appearance tells that a job of the stage has started.
STAGES = {
    "decoding": "logs/frames/sprites/0001.log",
    "flow": "logs/flow/sprites/dis/0001.log",
    "training": "logs/runs/gwm-unet-quadratic-k4-dis-sprites-s0.log",
    "table writing": "logs/tables/table1.log",
}


def _numbers(results: Path) -> list[dict[str, str]]:
    """The table without the measured times."""
    with (results / "tables/table1.csv").open(newline="") as file:
        return [
            {key: value for key, value in row.items() if "runtime" not in key}
            for row in csv.DictReader(file)
        ]


def _kill_when_it_appears(workflow, path: Path) -> None:
    process = workflow.start(start_new_session=True)
    try:
        deadline = time.monotonic() + 300
        while not path.exists():
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < deadline, f"{path} did not appear"
            time.sleep(0.02)
        time.sleep(0.5)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.mark.slow
def test_killed_in_every_stage_it_still_gives_the_same_table(
    smoke, workflow_in, tmp_path: Path
) -> None:
    workflow = workflow_in(tmp_path)
    for log in STAGES.values():
        _kill_when_it_appears(workflow, workflow.results / log)
        assert not (workflow.results / "tables/table1.csv").exists()
    workflow.run()
    assert _numbers(workflow.results) == _numbers(smoke.results)
