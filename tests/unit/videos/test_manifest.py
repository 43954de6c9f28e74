"""The manifest: shards gathered, counted and summed up."""

import logging

import pandas as pd
import pytest
from click.testing import CliRunner

from commonfate.base import parquet
from commonfate.base.errors import UserError
from commonfate.cli.videos import manifest as command
from commonfate.videos import manifest


def report(*rows):
    columns = ["id", "source", "frames", "status", "reason"]
    values = [
        [name, f"v/{name}.mp4", 9, "left_out" if reason else "ok", reason] for name, reason in rows
    ]
    return pd.DataFrame(values, columns=columns)


def test_gathers_in_order_of_id():
    table = manifest.gather("sprites", [report(("c", ""), ("d", "empty file")), report(("a", ""))])
    assert list(table["id"]) == ["a", "c", "d"]
    assert list(manifest.usable(table)["id"]) == ["a", "c"]
    assert manifest.left_out(table) == [("v/d.mp4", "empty file")]
    assert manifest.summary("sprites", table) == (
        "sprites: 2 of 3 videos usable, 1 left out:\n  v/d.mp4: empty file"
    )


def test_summary_when_all_are_usable():
    assert manifest.summary("x", report(("a", ""))) == "x: 1 of 1 videos usable"


def test_summary_says_what_was_looked_at():
    table = report(("a", ""), ("b", ""), ("c", "empty file"))
    table["looked_at"] = ["headers", "pixels", ""]
    first, *_ = manifest.summary("x", table).splitlines()
    assert first.startswith("x: 2 of 3 videos usable (1 by the headers of their images")


def test_no_usable_video_is_an_error_with_the_reasons():
    with pytest.raises(UserError) as error:
        manifest.gather("mine", [report(("a", "empty file"), ("b", "no such file"))])
    assert str(error.value) == (
        "mine: none of its videos is usable:\n  v/a.mp4: empty file\n  v/b.mp4: no such file"
    )


def test_videos_too_short_for_all_gaps_are_left_out():
    table = report(("a", ""), ("b", ""), ("c", "empty file"))
    table["frames"] = [4, 5, 0]
    gathered = manifest.gather("mine", [table], gaps=(-8, -4, 4))
    assert manifest.left_out(gathered) == [
        ("v/a.mp4", "too short: 4 frames, but gap 4 needs 5"),
        ("v/c.mp4", "empty file"),
    ]
    assert list(table["status"]) == ["ok", "ok", "left_out"]  # the report stays as it was
    assert len(manifest.usable(manifest.gather("mine", [table], gaps=()))) == 2


def test_verb_echoes_and_logs_the_count(tmp_path, caplog):
    for number, table in enumerate([report(("a", "")), report(("b", "empty file"))]):
        parquet.write(tmp_path / f"{number}.parquet", table, {})
    output = tmp_path / "manifest.parquet"
    reports = [str(tmp_path / "0.parquet"), str(tmp_path / "1.parquet")]
    with caplog.at_level(logging.INFO):
        result = CliRunner().invoke(
            command, ["--dataset", "mine", "--output", str(output), *reports]
        )
    assert result.exception is None
    expected = "mine: 1 of 2 videos usable, 1 left out:\n  v/b.mp4: empty file\n"
    assert result.stdout == expected
    assert "mine: 1 of 2 videos usable, 1 left out" in caplog.messages
    assert list(parquet.read(output)["id"]) == ["a", "b"]
    assert list(parquet.provenance(output)["inputs"]) == reports


def test_counts_what_is_left_out_by_kind_of_reason(tmp_path):
    path = tmp_path / "manifest.parquet"
    rows = [("a", ""), ("b", "truncated: 3 of 9"), ("c", "empty file")]
    rows += [("d", "truncated: 1 of 2")]
    parquet.write(path, report(*rows), {})
    expected = "3 of 4 videos left out (2 truncated, 1 empty file)"
    assert manifest.counts_by_reason(path) == expected
    parquet.write(path, report(("a", "")), {})
    assert manifest.counts_by_reason(path) == ""
