"""metrics.jsonl: means over intervals, cut on resuming."""

import json

import pytest

from commonfate.base.errors import StoreError
from commonfate.training.log import MetricsLog


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def feed(log, iterations, total=7):
    for iteration in iterations:
        log.add(iteration, {"loss": float(iteration)}, last=iteration == total, lr=iteration / 10)


def test_lines_hold_means_of_their_interval_and_the_last_one_the_rest(tmp_path):
    with MetricsLog(tmp_path / "m.jsonl", every=3) as log:
        feed(log, range(1, 8))
    assert lines(tmp_path / "m.jsonl") == [
        {"iteration": 3, "loss": 2.0, "lr": 0.3},
        {"iteration": 6, "loss": 5.0, "lr": 0.6},
        {"iteration": 7, "loss": 7.0, "lr": 0.7},
    ]


def test_a_resumed_log_is_that_of_an_unbroken_run(tmp_path):
    path = tmp_path / "m.jsonl"
    with MetricsLog(path, every=3) as log:
        feed(log, range(1, 6))
        state = log.state()  # after iteration 5: one line, and two iterations of the next
        feed(log, [6])
        path.open("a").write('{"iteration": 7, "los')  # killed while it wrote
    with MetricsLog(path, every=3) as log:
        log.restore(state)
        feed(log, [6, 7])
    with MetricsLog(tmp_path / "unbroken.jsonl", every=3) as log:
        feed(log, range(1, 8))
    assert path.read_bytes() == (tmp_path / "unbroken.jsonl").read_bytes()


def test_a_log_that_lost_lines_is_refused(tmp_path):
    path = tmp_path / "m.jsonl"
    with MetricsLog(path, every=1) as log:
        feed(log, [1, 2])
        state = log.state()
    path.write_text("")
    with (
        MetricsLog(path, every=1) as log,
        pytest.raises(StoreError, match=r"m\.jsonl: has 0 of 82 bytes"),
    ):
        log.restore(state)


def test_an_overflowed_gradient_is_null_in_json(tmp_path):
    with MetricsLog(tmp_path / "m.jsonl", every=1) as log:
        log.add(1, {"loss": 1.0, "gradient_norm": float("inf")}, last=True)
    assert lines(tmp_path / "m.jsonl") == [{"iteration": 1, "loss": 1.0, "gradient_norm": None}]
