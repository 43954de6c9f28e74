"""Choosing what to look at in a flow store."""

import numpy as np
import pytest

from commonfate.flow.drawing import review
from commonfate.flow.drawing.pictures import Row, sheet
from commonfate.storage.flow import open_reader, open_writer
from commonfate.storage.flow_info import sources


@pytest.fixture
def reader(tmp_path):
    """Gap 2 of `long` holds 5 px everywhere but for one pixel without value; `short` is short."""
    path = tmp_path / "s.zarr.zip"
    with open_writer(path, provenance={}, key="") as writer:
        for video, frames, gaps in (("long", 9, (-2, 2)), ("short", 2, (1,))):
            for gap in gaps:
                flow = np.zeros((2, 4, 5), np.float32)
                flow[0], flow[1], flow[1, 0, 0] = 3, 4, np.nan
                pairs = [(t, flow) for t in sources(frames, gap)]
                writer.add(video, gap, frames, (4, 5), pairs)
    return open_reader(path)


@pytest.mark.parametrize(
    ("count", "expected"),
    [(1, [5]), (2, [2, 7]), (4, [1, 3, 6, 8]), (10, list(range(10))), (20, list(range(10)))],
)
def test_spread_takes_the_middle_of_equal_stretches(count, expected):
    assert review.spread(range(10), count) == expected


def test_moments_have_flow_for_all_gaps_where_that_can_be(reader):
    assert review.covered(reader, "long", [-2, 2]) == [2, 3, 4, 5, 6]
    assert review.covered(reader, "short", [-2, 1]) == [0]
    assert review.moments(reader, ["long", "short"], [-2, 1, 2], 3) == [
        ("long", 3),
        ("long", 5),
        ("short", 0),
    ]


def test_statistics_count_what_was_lost(reader):
    result = review.statistics(reader, "long", 2)
    assert result[:3] == ["long", 2, 7]
    assert result[3:7] == [5.0] * 4
    # Flow back is not stored as the opposite of flow there, so no pixel passes.
    assert result[7:] == [0.0, 100 * 1 / 20, 0.0]
    assert len(result) == len(review.COLUMNS)


def test_statistics_without_flow_back_say_so(reader):
    assert review.statistics(reader, "short", 1)[-1] is None


def test_only_consistent_leaves_out_what_disagrees(tmp_path):
    """The right half says the same there and back, the left half does not."""
    path = tmp_path / "s.zarr.zip"
    there, back = np.zeros((2, 2, 4, 6), np.float32)
    there[0], back[0] = 1, -1
    back[1, :, :3] = 5
    with open_writer(path, provenance={}, key="") as writer:
        writer.add("v", 1, 2, (4, 6), [(0, there)])
        writer.add("v", -1, 2, (4, 6), [(1, back)])
        writer.add("v", 2, 3, (4, 6), [(0, there)])
    reader = open_reader(path)
    kept = review.row(reader, None, "v", 0, [1, 2], only_consistent=True).flows
    expected = [False, False, True, True, True, False]  # column x is looked up at x + 1
    assert np.isfinite(kept[0]).all(0).tolist() == [expected] * 4
    assert np.isnan(kept[1]).all()
    assert review.statistics(reader, "v", 1)[-1] == pytest.approx(50)
    whole = review.row(reader, None, "v", 0, [1]).flows
    np.testing.assert_array_equal(whole[0], there)


def test_a_gap_that_a_video_does_not_have_is_drawn_grey(reader):
    row = review.row(reader, None, "short", 0, [-2, 1])
    assert row.caption == "short, frame 0"
    assert row.flows[0] is None
    assert review.scale([row]) == pytest.approx(5)
    picture = np.asarray(sheet([row], [-2, 1], "title", 5.0, tile=100))
    assert picture.shape == (84 + 42 + 10 + 80 + 24, 480, 3)
    assert picture[136 + 40, 14 + 50].tolist() == [235, 235, 235]
    assert picture[136 + 1, 14 + 114 + 1].tolist() == [0, 0, 0]


def test_rows_with_frames_have_one_column_more():
    frame = np.full((4, 6, 3), 77, np.uint8)
    row = Row("", frame, (np.zeros((2, 4, 6), np.float32),))
    picture = np.asarray(sheet([row], [1], "", 1.0, tile=300))
    assert picture.shape[1] == 14 + 2 * (300 + 14)
    assert picture[136 + 50, 14 + 50].tolist() == [77, 77, 77]
    assert picture[136 + 50, 14 + 314 + 50].tolist() == [255, 255, 255]
