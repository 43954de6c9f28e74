"""Choice of the components of a video that move."""

import numpy as np
import pytest

from commonfate.foreground.motion import Evidence
from commonfate.foreground.splits import moving

SIZE = (12, 16)


def labels_as_masks(labels: np.ndarray, count: int) -> np.ndarray:
    """(K, h, w) float32 of a label map."""
    return (labels == np.arange(count)[:, None, None]).astype(np.float32)


def video(places, count=4, frames=3):
    """Components of each frame: 0 is the background, the others lie at places (rows, columns)."""
    labels = np.zeros(SIZE, int)
    for number, place in enumerate(places, 1):
        labels[place] = number
    return [labels_as_masks(labels, count)] * frames


LEFT, MIDDLE = np.s_[3:8, 2:6], np.s_[3:8, 6:10]
BOTTOM = np.s_[10:12, :]


def evidence(places, weight=(1, 1, 1), strength=0.9):
    maps = np.full((len(weight), *SIZE), 0.05, np.float32)
    for place in places:
        maps[(slice(None), *place)] = strength
    return Evidence(maps, np.float32(weight), 1)


@pytest.mark.parametrize(
    ("moved", "expected"), [([LEFT], [0, 1, 0, 0]), ([LEFT, MIDDLE], [0, 1, 1, 0])]
)
def test_components_that_move_are_the_object(moved, expected):
    components = video([LEFT, MIDDLE, BOTTOM])
    result = moving(components, evidence(moved))
    assert result.tolist() == [bool(value) for value in expected]


def test_evidence_may_have_another_size():
    large = evidence([LEFT])
    enlarged = Evidence(large.map.repeat(3, 1).repeat(3, 2), large.weight, 1)
    assert moving(video([LEFT, MIDDLE, BOTTOM]), enlarged).tolist() == [False, True, False, False]


def test_a_strip_along_the_border_is_not_worth_its_little_evidence():
    components = video([LEFT, MIDDLE, BOTTOM])
    half = evidence([LEFT, BOTTOM])
    half.map[:, 10:12] = 0.35
    assert moving(components, half).tolist() == [False, True, False, False]


def test_there_is_one_choice_for_all_frames():
    """In the last frame the other component moves, but four times as many say otherwise."""
    maps = np.concatenate([evidence([LEFT], (1,) * 4).map, evidence([MIDDLE], (1,)).map])
    components = video([LEFT, MIDDLE, BOTTOM], frames=5)
    of_all = Evidence(maps, np.ones(5, np.float32), 1)
    assert moving(components, of_all).tolist() == [False, True, False, False]
    doubted = Evidence(maps, np.float32([0.02, 0.02, 0.02, 0.02, 1]), 1)
    assert moving(components, doubted).tolist() == [False, False, True, False]


def test_nothing_is_foreground_where_nothing_moves():
    assert not moving(video([LEFT]), evidence([LEFT], (0, 0, 0))).any()


def test_a_single_component_is_background():
    assert moving([np.ones((1, *SIZE), np.float32)] * 3, evidence([LEFT])).tolist() == [False]


def test_the_best_union_by_overlap_is_among_those_that_are_compared():
    """Against all unions, on random soft components, without the border's share."""
    generator = np.random.default_rng(0)
    for _ in range(20):
        soft = generator.dirichlet(np.ones(5), (3, *SIZE)).transpose(0, 3, 1, 2)
        soft[:, :, [0, -1]] = soft[:, :, :, [0, -1]] = 0
        maps = generator.random((3, *SIZE)).astype(np.float32) * (generator.random(SIZE) > 0.7)
        given = Evidence(maps.astype(np.float32), np.ones(3, np.float32), 1)
        scores = {}
        for number in range(1, 31):
            union = (number >> np.arange(5)) % 2 > 0
            mask = soft[:, union].sum(1)
            held = (mask * maps).sum()
            scores[tuple(union)] = held / (mask.sum() + maps.sum() - held)
        assert scores[tuple(moving(list(soft), given))] == pytest.approx(max(scores.values()))
