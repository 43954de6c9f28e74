"""A run's files: hidden while it trains, in place at the end, kept from Snakemake's deletions."""

import multiprocessing
import threading

import pytest
import yaml

from commonfate.training.run_folder import RunFolder, snapshot_iterations


def trained(path):
    folder = RunFolder(path)
    folder.snapshots.mkdir(parents=True)
    folder.resume.write_bytes(b"state")
    folder.metrics.write_bytes(b"{}\n")
    for iteration in (5, 10):
        folder.snapshot(iteration).write_bytes(b"weights %d" % iteration)
    return folder


def products(path):
    return sorted(
        str(file.relative_to(path))
        for file in path.rglob("*")
        if file.is_file() and not any(part[0] == "." for part in file.relative_to(path).parts)
    )


def test_products_are_put_in_place_again_after_they_were_deleted(tmp_path):
    folder = trained(tmp_path)
    for _ in range(2):
        folder.publish({"seed": 1})
        names = ["checkpoint.pt", "config.yaml", "metrics.jsonl"]
        assert products(tmp_path) == [*names, "snapshots/000005.pt", "snapshots/000010.pt"]
        assert (tmp_path / "snapshots/000005.pt").read_bytes() == b"weights 5"
        assert yaml.safe_load((tmp_path / "config.yaml").read_text()) == {"seed": 1}
        for name in products(tmp_path):  # as Snakemake does before it repeats a job
            (tmp_path / name).unlink()


def test_products_take_no_space_of_their_own(tmp_path):
    folder = trained(tmp_path)
    folder.publish({})
    assert (tmp_path / "checkpoint.pt").samefile(folder.resume)


def test_training_anew_leaves_the_old_products_whole(tmp_path):
    folder = trained(tmp_path)
    folder.publish({})
    folder.clear()
    folder.metrics.write_bytes(b"new\n")
    assert not folder.resume.exists()
    assert not folder.snapshots.exists()
    assert (tmp_path / "metrics.jsonl").read_bytes() == b"{}\n"


def _hold(path, held, release):
    with RunFolder(path).locked():
        held.set()
        release.wait(10)


def test_a_second_process_waits(tmp_path, caplog):
    context = multiprocessing.get_context("fork")
    held, release = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(tmp_path, held, release))
    other.start()
    assert held.wait(10)
    threading.Timer(0.3, release.set).start()
    with caplog.at_level("INFO"), RunFolder(tmp_path).locked():
        assert release.is_set()
    assert "another process" in caplog.text and str(tmp_path) in caplog.text
    other.join()


@pytest.mark.parametrize(
    ("iterations", "snapshots", "expected"),
    [(300, 4, {75, 150, 225, 300}), (6, 4, {2, 3, 5, 6}), (2, 10, {1, 2}), (7, 1, {7})],
)
def test_snapshots_are_evenly_spaced_and_include_the_last(iterations, snapshots, expected):
    assert snapshot_iterations(iterations, snapshots) == expected
