"""From the measures of frames to the numbers of a benchmark, by hand."""

import numpy as np
import pytest

from commonfate.evaluation import protocols
from commonfate.evaluation.masks import metrics
from commonfate.evaluation.masks.foreground import overlap

DAVIS, FRAMES = protocols.get("davis"), protocols.get("frame_average")


def frame(accuracy, curve):
    return {"Acc": accuracy, "maxF_beta": np.array(curve)}


SEQUENCES = {
    "long": {0: frame(0.2, [0.9, 0.0]), 1: frame(0.6, [0.1, 0.2]), 4: frame(1.0, [0.2, 0.7])},
    "short": {7: frame(0.9, [0.1, 0.6])},
}


def test_mean_over_sequences():
    result = metrics.over_frames(DAVIS, SEQUENCES)
    assert result["Acc"] == pytest.approx((0.6 + 0.9) / 2)
    # Curves: (0.4, 0.3) and (0.1, 0.6), so (0.25, 0.45) in the mean.
    assert result["maxF_beta"] == pytest.approx(0.45)


def test_mean_over_frames():
    result = metrics.over_frames(FRAMES, SEQUENCES)
    assert result["Acc"] == pytest.approx(2.7 / 4)
    assert result["maxF_beta"] == pytest.approx(1.5 / 4)  # of 1.3 / 4 and 1.5 / 4


@pytest.mark.parametrize("protocol", [DAVIS, FRAMES], ids=["sequence", "frame"])
def test_one_threshold_serves_all_frames_of_a_sequence(protocol):
    result = metrics.over_frames(protocol, {"long": SEQUENCES["long"]})
    assert result["maxF_beta"] == pytest.approx(0.4)  # not (0.9 + 0.2 + 0.7) / 3
    assert isinstance(result["Acc"], float)


def test_measures_of_a_frame():
    truth = np.array([[True, True, False, False]])
    labels = np.array([[1, 0, 0, 0]], np.uint8)
    nothing = np.zeros_like(truth)
    counts, chosen = overlap(labels, truth, nothing, 2), np.array([False, True])
    measures = metrics.of_frame(counts, chosen)
    assert list(measures) == ["J", "Acc", "F_beta", "mIoU"]
    assert measures["mIoU"].tolist() == [[2, 0], [1, 1]]  # of background, of the object
    assert (measures["J"], measures["Acc"]) == (0.5, 0.75)
    assert measures["F_beta"] == pytest.approx(1.3 * 0.5 / 0.8)
    soft = np.array([[255, 102, 0, 0]], np.uint8)
    measures = metrics.of_frame(counts, chosen, metrics.levels(soft, truth, nothing))
    assert measures["maxF_beta"].max() == 1.0
    assert measures["MAE"] == pytest.approx(0.6 / 4)


@pytest.mark.parametrize("protocol", [DAVIS, FRAMES], ids=["sequence", "frame"])
def test_pixels_are_counted_over_all_frames_before_they_are_divided(protocol):
    def counted(background, object_):
        return {"mIoU": np.array([background, object_])}

    # A frame where all is right, one without an object, one where half of it is missed.
    frames = {0: counted([6, 0], [0, 4]), 1: counted([9, 1], [0, 0]), 2: counted([8, 0], [1, 1])}
    result = metrics.over_frames(protocol, {"long": frames, "short": {0: frames[0]}})
    assert result == {"mIoU": pytest.approx((29 / 31 + 9 / 11) / 2)}
    assert metrics.over_frames(protocol, {"long": {1: frames[1]}})["mIoU"] == (0.9 + 0) / 2
    nothing = {"a": {0: counted([10, 0], [0, 0])}}  # the object does not occur: it has no part
    assert metrics.over_frames(protocol, nothing)["mIoU"] == 1.0
