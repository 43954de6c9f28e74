"""`commonfate evaluate`: flow for the sheet."""

import click
import numpy as np
import pytest
from click.testing import CliRunner

from commonfate.base.gaps import shortest
from commonfate.cli import evaluate
from commonfate.prediction.stores import gaps as stored_gaps
from commonfate.storage.flow import open_writer
from commonfate.storage.flow_info import sources


def store(path, video, gaps):
    with open_writer(path, provenance={}, key="test") as writer:
        for gap in gaps:
            pairs = [(t, np.zeros((2, 4, 6), np.float32)) for t in sources(8, gap)]
            writer.add(video, gap, frames=8, size=(4, 6), flows=pairs)
    return path


@pytest.mark.parametrize(
    ("gaps", "expected"), [((-2, -1, 1, 2), 1), ((-6, -3, 3, 6), 3), ((-1, 2), -1)]
)
def test_the_sheet_shows_the_shortest_gap(tmp_path, gaps, expected):
    stores = (store(tmp_path / "0000.zarr.zip", "cat", gaps),)
    assert shortest(stored_gaps(stores)) == expected


def test_the_shortest_gap_is_that_of_all_stores(tmp_path):
    stores = tuple(
        store(tmp_path / f"{name}.zarr.zip", name, gaps) for name, gaps in (("a", [4]), ("b", [2]))
    )
    assert stored_gaps(stores) == {4, 2}
    assert shortest(stored_gaps(stores)) == 2


def test_flow_without_frames_is_refused(tmp_path):
    words = {"predictions": tmp_path / "p.json", "manifest": tmp_path, "flow": tmp_path}
    words |= {"protocol": "davis", "foreground": "oracle", "output": tmp_path / "s.json"}
    given = [str(word) for key, value in words.items() for word in (f"--{key}", value)]
    with pytest.raises(click.UsageError, match="--flow is drawn beside frames"):
        CliRunner().invoke(evaluate.command, given, catch_exceptions=False, standalone_mode=False)
