"""Frames and flow found among several stores."""

import logging

import numpy as np
import pytest

from commonfate.base.errors import ConfigError, StoreError
from commonfate.prediction.stores import Flow
from commonfate.storage.flow import open_writer
from commonfate.storage.flow_info import sources


@pytest.fixture
def flow_stores(tmp_path):
    """A shard with `cat` (3 frames, gaps -1 and 1), one with `dog` (2 frames, gap 2: no pair)."""
    paths = [tmp_path / f"{shard:04d}.zarr.zip" for shard in range(2)]
    for path, video, frames, gaps in zip(
        paths, ("cat", "dog"), (3, 2), ((-1, 1), (2,)), strict=True
    ):
        with open_writer(path, provenance={}, key="test") as writer:
            for gap in gaps:
                pairs = [(t, np.full((2, 4, 6), 10 * t + gap)) for t in sources(frames, gap)]
                writer.add(video, gap, frames=frames, size=(4, 6), flows=pairs)
    return paths


def test_flow_of_the_gap(flow_stores):
    flow, gap = Flow(flow_stores, 1).read("cat", 1)
    assert gap == 1 and flow.shape == (2, 4, 6)
    np.testing.assert_array_equal(flow, 11)


def test_the_last_frame_has_flow_of_the_opposite_gap(flow_stores, caplog):
    flow = Flow(flow_stores, 1)
    with caplog.at_level(logging.INFO):
        for _ in range(2):
            field, gap = flow.read("cat", 2)
    assert gap == -1
    np.testing.assert_array_equal(field, 19)
    assert caplog.messages == [
        "cat: frame 2 has no flow of gap 1; there and wherever it is so, the flow of gap -1 is used"
    ]


def test_neither_gap(flow_stores):
    message = r"0001.zarr.zip: frame 0 of video 'dog' has no flow of gap 1 or -1 \(gaps there: 2\)"
    with pytest.raises(ConfigError, match=message):
        Flow(flow_stores, 1).read("dog", 0)


def test_a_video_too_short_for_both_gaps_costs_itself_alone(tmp_path):
    """Another gap in the data set's settings is no answer for one video of many."""
    path, field = tmp_path / "flow.zarr.zip", np.zeros((2, 4, 6))
    with open_writer(path, provenance={}, key="") as writer:
        for gap in (-3, 3):
            pairs = [(t, field) for t in sources(4, gap)]
            writer.add("cat", gap, frames=4, size=(4, 6), flows=pairs)
    message = r"flow\.zarr\.zip: video 'cat' is too short: frame 1 has no flow of gap 3 or -3"
    with pytest.raises(StoreError, match=message):
        Flow([path], 3).read("cat", 1)


def test_video_in_no_store(flow_stores):
    message = "video 'dog' is usable, but in none of the 1 stores given by --flow"
    with pytest.raises(ConfigError, match=message):
        Flow(flow_stores[:1], 1).read("dog", 0)


def test_the_reason_that_was_recorded_is_told(tmp_path):
    """Of a video that extraction left out, whole or in one of its gaps."""
    path, field = tmp_path / "flow.zarr.zip", np.zeros((2, 4, 6))
    output = [
        {"video": "dog", "gaps": [-1, 1], "reason": "dog/00003.jpg: cannot be read (damaged)"},
        {"video": "cat", "gaps": [2], "reason": "it has only 2 frames"},
    ]
    with open_writer(path, provenance={"left_out": output}, key="") as writer:
        writer.add("cat", 1, frames=2, size=(4, 6), flows=[(0, field)])
    with pytest.raises(StoreError, match=r"flow\.zarr\.zip: video 'dog' .*dog/00003\.jpg") as error:
        Flow([path], 1).read("dog", 0)
    assert "--flow" not in str(error.value)
    with pytest.raises(StoreError, match=r"video 'cat' has no flow of gap 2, .* only 2 frames"):
        Flow([path], 2).read("cat", 0)
    assert Flow([path], 1).read("cat", 0)[1] == 1
