"""Protocols: frames left out and averages, by hand."""

import numpy as np
import pytest

from commonfate.base.errors import ConfigError
from commonfate.evaluation import protocols

# Two sequences of unequal length: sequence means 0.6 and 0.9, frame mean (1.8 + 0.9) / 4.
VALUES = {"long": {0: 0.2, 1: 0.6, 2: 1.0}, "short": {4: 0.9}}


def test_frames_that_each_protocol_scores():
    def scored(name):
        return protocols.get(name).scored(range(6), 6)

    assert scored("davis") == scored("frame_average") == [0, 1, 2, 3, 4, 5]
    assert scored("davis_released") == [2, 3, 4]  # 0 and 1 by their number, 5 has no next frame
    assert scored("davis_official") == [1, 2, 3, 4]
    assert scored("frame_average_released") == [0, 1, 2, 3, 4]


def test_sparse_annotations():
    assert protocols.get("davis_released").scored([0, 10, 20], 21) == [10]
    assert protocols.get("davis_released").scored([0, 10, 20], 22) == [10, 20]
    assert protocols.get("davis_official").scored([20, 0, 10], 40) == [10]
    assert protocols.get("frame_average_released").scored([20, 0, 10], 21) == [0, 10]
    assert protocols.get("frame_average_released").scored([20, 0, 10], 22) == [0, 10, 20]


@pytest.mark.parametrize(
    ("name", "frames", "sequences", "scored"),
    [
        # Frames of the annotated sequences, and how many GWM's released code evaluates.
        ("davis_released", 1376, 20, 1356 - 2 * 20),  # 1,356 evaluated, 0 and 1 not averaged
        ("frame_average_released", 1066, 14, 1052),
    ],
)
def test_frames_that_the_released_code_has_flow_for(name, frames, sequences, scored):
    lengths = [frames // sequences] * (sequences - 1)
    lengths.append(frames - sum(lengths))
    rule = protocols.get(name).scored
    assert sum(len(rule(range(length), length)) for length in lengths) == scored


def test_mean_over_sequences():
    score = protocols.score_benchmark(protocols.get("davis"), VALUES)
    assert score.mean == pytest.approx(0.75)
    assert score.recall == pytest.approx((2 / 3 + 1) / 2)


def test_mean_over_frames():
    score = protocols.score_benchmark(protocols.get("frame_average"), VALUES)
    assert score.mean == pytest.approx(0.675)
    assert score.recall == pytest.approx(3 / 4)


@pytest.mark.parametrize(("name", "expected"), [("davis", 0.75), ("frame_average", 0.675)])
def test_average_of_numbers_and_of_arrays(name, expected):
    numbers = {key: list(values.values()) for key, values in VALUES.items()}
    assert protocols.average(protocols.get(name), numbers) == pytest.approx(expected)
    arrays = {key: [np.array([j, 2 * j]) for j in values] for key, values in numbers.items()}
    np.testing.assert_allclose(
        protocols.average(protocols.get(name), arrays), [expected, 2 * expected]
    )


def test_images_are_videos_of_one_frame():
    images = {"a": {0: 0.25}, "b": {0: 0.75}, "c": {0: 0.8}}
    by_frame, by_sequence = (
        protocols.score_benchmark(protocols.get(name), images)
        for name in ("frame_average", "davis")
    )
    assert by_frame == by_sequence
    assert (by_frame.mean, by_frame.decay) == (pytest.approx(0.6), 0.0)
    assert by_frame.recall == pytest.approx(2 / 3)


@pytest.mark.parametrize("name", ["davis", "frame_average"])
def test_decay_is_a_mean_over_sequences(name):
    # Bins of `long` are frames 0-1, 1, 1-2, 2 (end frames 0, 1, 1, 2, 2): 0.4 - 1.0; `short`: 0.
    assert protocols.score_sequence(VALUES["long"]).decay == pytest.approx(-0.6)
    assert protocols.score_benchmark(protocols.get(name), VALUES).decay == pytest.approx(-0.3)


def test_frames_are_taken_in_time_order():
    shuffled = {2: 1.0, 0: 0.2, 1: 0.6}
    assert protocols.score_sequence(shuffled) == protocols.score_sequence(VALUES["long"])


def test_nothing_to_score_is_refused():
    for sequences in ({}, {"empty": {}}):
        with pytest.raises(ValueError, match="must have a scored frame"):
            protocols.score_benchmark(protocols.get("davis"), sequences)


def test_unknown_protocol():
    with pytest.raises(ConfigError, match="protocol 'davis_offical' is unknown; did you mean"):
        protocols.get("davis_offical")
