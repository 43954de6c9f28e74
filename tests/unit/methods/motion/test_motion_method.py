"""The baseline of motion through a video."""

import numpy as np
import pytest
import torch

from commonfate.flow.settings import FlowSource
from commonfate.foreground import flows, motion
from commonfate.foreground.motion import Evidence
from commonfate.foreground.settings import silent
from commonfate.methods import create
from commonfate.methods.motion.settings import MotionSettings
from helpers import moving

METHOD = create(MotionSettings())


def evidence_of(frames: np.ndarray) -> Evidence:
    estimated = flows.Flows(frames, FlowSource(estimator="dis", preset="finest"))
    return motion.gather(estimated.of_gaps([1, -1], silent), 1)[0]


def test_the_object_is_what_moves_of_its_own():
    frames, truth = moving.film()
    predictions = list(METHOD.predict_video(None, frames, evidence_of(frames)))
    assert len(predictions) == len(frames)
    masks = torch.stack([prediction.groups[1] for prediction in predictions]).numpy()
    assert moving.overlap(masks > 0.5, truth) > 0.7
    total = predictions[0].groups.sum(0)
    torch.testing.assert_close(total, torch.ones_like(total))
    assert predictions[0].components is predictions[0].groups


def test_frames_may_be_larger_than_the_evidence():
    frames, truth = moving.film()
    large = frames.repeat(2, 1).repeat(2, 2)
    masks = [p.groups[1] for p in METHOD.predict_video(None, large, evidence_of(frames))]
    assert moving.overlap(torch.stack(masks).numpy() > 0.5, truth) > 0.7


def test_a_still_film_has_no_foreground():
    frames = moving.film(6, 0, 0)[0]
    for prediction in METHOD.predict_video(None, frames, evidence_of(frames)):
        assert prediction.groups[1].max() == 0


def test_the_shortest_gap_is_read_unless_one_is_named():
    assert MotionSettings().resolved([-3, 3, 6]).gap == 3
    assert MotionSettings(gap=2).resolved([-2, -1, 1, 2]).gap == 2
    with pytest.raises(ValueError, match="there is only flow of the gaps"):
        MotionSettings(gap=2).resolved([-1, 1])
    with pytest.raises(ValueError, match="must not be 0"):
        MotionSettings(gap=0)
