"""Provenance of a user's videos: what of an earlier command is kept."""

import json
import os
from pathlib import Path

from commonfate.segmentation import outputs
from commonfate.segmentation.records import Records

COMMAND = {"settings": {"quality": "fast"}, "inputs": {}, "code_sha256": "c"}


def written(folder: Path, records: Records) -> None:
    folder.mkdir()
    about = {"seconds": 1, "frames": [], "provenance": records.of("a")}
    (folder / outputs.JSON).write_text(json.dumps(about))


def test_a_video_is_kept_while_its_own_files_are_the_same(tmp_path: Path) -> None:
    before = Records(COMMAND, {"a": {"files": 1}})
    written(tmp_path / "a", before)
    beside_another = Records(COMMAND, {"a": {"files": 1}, "b": {"files": 2}})
    kept = beside_another.existing("a", tmp_path / "a")
    assert kept is not None and kept["seconds"] == 1 and "frames" not in kept
    assert Records(COMMAND, {"a": {"files": 3}}).existing("a", tmp_path / "a") is None
    other = COMMAND | {"settings": {"quality": "good"}}
    assert Records(other, {"a": {"files": 1}}).existing("a", tmp_path / "a") is None
    assert before.key("a") == beside_another.key("a") != beside_another.key("b")


def test_a_damaged_result_is_none(tmp_path: Path) -> None:
    records = Records(COMMAND)
    assert records.existing("a", tmp_path / "a") is None
    written(tmp_path / "a", records)
    os.truncate(tmp_path / "a" / outputs.JSON, 9)
    assert records.existing("a", tmp_path / "a") is None
