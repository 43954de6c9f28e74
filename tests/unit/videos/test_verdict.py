"""Reasons for leaving a video out, one property at a time."""

from dataclasses import replace

import pytest

from commonfate.videos.inspection import Inspection
from commonfate.videos.verdict import fewest_frames, reason_against

GOOD = Inspection(
    frames=48,
    damaged=0,
    promised_frames=48,
    promised_s=4.0,
    packets=48,
    sizes=((480, 854, 0),),
    orientation=(False, False, False),
    times_s=tuple(t / 12 for t in range(48)),
    end_s=4.0,
    longest_still=1,
)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, ""),
        ({"frames": 5, "packets": 6}, "truncated: 5 of 48 frames decode"),
        ({"frames": 47, "packets": 47}, ""),
        ({"frames": 46, "packets": 46}, "truncated: 46 of 48 frames decode"),
        ({"frames": 5}, "corrupt: 5 of 48 frames decode"),
        ({"promised_frames": 480}, "truncated: 48 of 480 frames decode"),
        ({"frames": 0, "promised_frames": 0, "sizes": ()}, "corrupt: none of 48 frames decodes"),
        ({"promised_frames": 0, "promised_s": 8.0}, "truncated: 4.0 of 8.0 s are there"),
        ({"promised_frames": 0, "promised_s": 8.0, "read_s": 7.9}, ""),
        ({"promised_frames": 0, "promised_s": 4.2}, ""),
        ({"promised_frames": 0, "promised_s": 0.0}, ""),
        ({"damaged": 1}, ""),
        ({"damaged": 2}, "corrupt: 2 of 48 frames are damaged"),
        (
            {"sizes": ((480, 854, 0), (240, 426, 12), (480, 854, 30))},
            "changing size: frames are 854x480, but 426x240 from frame 12 on",
        ),
        ({"longest_still": 48}, ""),
    ],
)
def test_reason(changes, reason):
    assert reason_against(replace(GOOD, **changes), (-1, 1)) == reason


def test_one_gap_suffices():
    short = replace(GOOD, frames=4, promised_frames=4, packets=4)
    assert reason_against(short, (-6, -3, 3, 6)) == ""
    assert reason_against(short, (-6, 6)) == "too short: 4 frames, but gap 6 needs 7"


@pytest.mark.parametrize(
    ("gaps", "frames"), [((1,), 2), ((-2, -1, 1, 2), 2), ((-3, 5), 4), ((0,), 1)]
)
def test_fewest_frames(gaps, frames):
    assert fewest_frames(gaps) == frames
