"""Methods that segment the frames of a video together, by its evidence of motion."""

import numpy as np
import pytest
import torch

from commonfate.base.errors import ConfigError, StoreError
from commonfate.flow.settings import FlowSource
from commonfate.foreground import flows
from commonfate.foreground.settings import silent
from commonfate.methods import create
from commonfate.methods.amd.settings import AmdSettings
from commonfate.methods.gwm.settings import GwmSettings, MergeSettings
from commonfate.methods.motion.settings import MotionSettings
from commonfate.prediction import benchmark, evidence
from commonfate.prediction.segmenting import FrameOptions, Task, segment_video
from commonfate.prediction.stores import Flow
from commonfate.storage.flow import open_writer
from helpers import moving

BY_MOTION = {
    "gwm": lambda: GwmSettings(merge=MergeSettings(by="motion")),
    "amd": lambda: AmdSettings(merge="motion"),
    "motion": MotionSettings,
}


class Stored:
    """Frames of an array, for any video."""

    def __init__(self, frames):
        self.frames = frames

    def read(self, video, t):
        return self.frames[t]


def stored_flow(path, frames, gaps=(1, -1)):
    estimated = flows.Flows(frames, FlowSource(estimator="dis"))
    fields = estimated.of_gaps(gaps, silent)
    with open_writer(path, provenance={}, key="test") as writer:
        for gap, of_gap in fields.items():
            pairs = [(t, field) for t, field in enumerate(of_gap) if np.isfinite(field).any()]
            writer.add("film", gap, frames=len(frames), size=frames.shape[1:3], flows=pairs)
    return path


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Frames, masks of the square that moves in them, a store of their flow."""
    frames, truth = moving.film(8)
    return frames, truth, stored_flow(tmp_path_factory.mktemp("film") / "flow.zarr.zip", frames)


def task_of(film):
    frames, _, path = film
    video = benchmark.AnnotatedVideo("film", len(frames), "binary", {})
    whole = benchmark.Benchmark([video], {})
    return Task(whole, Stored(frames), Flow([path], 1), FrameOptions(frames_of="all")), video


def test_evidence_of_stored_flow_shows_the_square(film):
    frames, truth, path = film
    result, _ = evidence.of_video(Flow([path], 1), "film", len(frames), "none")
    assert result.moves
    assert moving.overlap(result.map > 0.5, truth) > 0.6


def test_long_videos_are_looked_at_in_parts(film, monkeypatch):
    frames, truth, path = film
    monkeypatch.setattr(evidence, "LONGEST", 4)
    result, _ = evidence.of_video(Flow([path], 1), "film", len(frames), "none")
    assert result.map.shape == truth.shape
    assert moving.overlap(result.map > 0.5, truth) > 0.6


def test_the_square_of_the_crop_is_that_of_the_frames(film):
    frames, truth, path = film
    result, _ = evidence.of_video(Flow([path], 1), "film", len(frames), "square")
    side = min(truth.shape[1:])
    left = (truth.shape[2] - side) // 2
    assert result.map.shape == (len(frames), side, side)
    assert moving.overlap(result.map > 0.5, truth[:, :, left : left + side]) > 0.6


def test_a_missing_direction_is_named(film, tmp_path):
    path = stored_flow(tmp_path / "one.zarr.zip", film[0], gaps=(1,))
    with pytest.raises(ConfigError, match=r"one\.zarr\.zip: video 'film' has no flow of gap -1"):
        evidence.of_video(Flow([path], 1), "film", 8, "none")


def test_unknown_flow_counts_for_nothing(film, tmp_path):
    """A patch whose flow a consistency check took out neither moves nor spoils the rest."""
    frames, truth, path = film
    reader = Flow([path], 1)
    with open_writer(tmp_path / "holes.zarr.zip", provenance={}, key="test") as writer:
        for gap in (1, -1):
            pairs = []
            for t in range(len(frames)):
                if (field := reader.of_gap("film", gap, t)) is not None:
                    field[:, 5:15, 5:25] = np.nan
                    pairs.append((t, field))
            writer.add("film", gap, frames=len(frames), size=frames.shape[1:3], flows=pairs)
    result, _ = evidence.of_video(Flow([tmp_path / "holes.zarr.zip"], 1), "film", 8, "none")
    assert np.isfinite(result.map).all()
    assert result.map[:, 5:15, 5:25].max() < 0.5
    assert moving.overlap(result.map > 0.5, truth) > 0.6


def test_the_video_is_predicted_as_a_whole(film):
    task, video = task_of(film)
    results = list(segment_video(create(MotionSettings(gap=1)), None, task, video))
    assert [result.t for result in results] == list(range(8))
    masks = np.stack([result.groups for result in results]) == 1
    assert moving.overlap(masks, film[1]) > 0.7
    assert all(result.record.seconds > 0 for result in results)


@pytest.mark.parametrize("name", ["gwm", "amd"])
def test_components_are_merged_by_motion(film, name):
    """A network whose second and third channel are halves of the bright square."""
    task, video = task_of(film)
    settings = BY_MOTION[name]()
    subject = create(settings.resolved([-1, 1]))
    truth = dict(zip((frame.tobytes() for frame in film[0]), film[1], strict=True))

    def components(self, model, frame, size):
        mask = torch.from_numpy(truth[frame.tobytes()]).float()
        upper = mask.clone()
        upper[mask.shape[0] // 2 :] = 0
        masks = torch.stack([1 - mask, upper, mask - upper])
        return (frame, masks, masks) if name == "gwm" else masks

    replaced = "_components" if name == "gwm" else "_segments"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(subject), replaced, components)
        results = list(segment_video(subject, None, task, video))
    masks = np.stack([result.groups for result in results]) == 1
    assert (masks == film[1]).all()
    assert results[0].record.components == 3


@pytest.mark.parametrize("name", BY_MOTION)
def test_settings_say_what_is_read(name):
    settings = BY_MOTION[name]()
    assert settings.by_video and settings.reads_flow and settings.foreground == "object"
    assert settings.resolved([-2, 2, 4, -4]).gap == 2
    assert create(settings).feature_file() is None


@pytest.mark.parametrize("settings", [GwmSettings(), AmdSettings()])
def test_by_default_methods_merge_as_their_papers_do(settings):
    assert not settings.by_video and not settings.reads_flow
    assert settings.resolved([3]) == settings


def test_a_video_without_flow_is_left_out(film, tmp_path):
    with open_writer(tmp_path / "empty.zarr.zip", provenance={}, key="test") as writer:
        writer.add("other", 1, frames=2, size=(4, 6), flows=[(0, np.zeros((2, 4, 6)))])
    with pytest.raises((ConfigError, StoreError), match="'film'"):
        evidence.of_video(Flow([tmp_path / "empty.zarr.zip"], 1), "film", 8, "none")
