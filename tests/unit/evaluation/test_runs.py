"""Settings and weights of runs, and the choice of the best snapshot."""

from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from commonfate.base import parquet
from commonfate.base.errors import ConfigError, StoreError
from commonfate.evaluation import protocols
from commonfate.evaluation.snapshots import Choice, choose_best
from commonfate.methods.base import Prediction
from commonfate.methods.gwm.settings import GwmSettings
from commonfate.prediction import benchmark, runs
from commonfate.prediction.segmenting import FrameOptions, Task
from commonfate.training import checkpoint


class Frames:
    def read(self, video, t):
        return np.zeros((8, 12, 3), np.uint8)


class Columns:
    """A trained method: its network is a number, how many columns it calls foreground."""

    def __init__(self, foreground="unsupervised", gives="masks"):
        self.settings = SimpleNamespace(
            method="columns", foreground=foreground, gives=gives, by_video=False
        )

    def build(self, pretrained=True):
        assert not pretrained
        network = nn.Module()
        network.columns = nn.Parameter(torch.zeros(()))
        return network

    def kept(self, model):
        return model.state_dict()

    def predict(self, model, frame, flow, *, size=None):
        assert not model.training
        groups = torch.zeros(2, 8, 12)
        end = 4 + int(model.columns)
        groups[0], groups[1, 2:6, 4:end] = 0.5, 1
        groups = groups[:, :, 2:10] if frame.shape[1] == 8 else groups
        return Prediction(groups, groups)


@pytest.fixture
def run(tmp_path):
    """A run whose network goes through 0, 4 (the truth) and 8 columns; 4 comes up twice."""
    folder = tmp_path / "runs" / "gwm-test"
    (folder / "snapshots").mkdir(parents=True)
    state = {"method": "gwm", "settings": GwmSettings(components=3).model_dump(mode="json")}
    for iteration, columns in {10: 0.0, 20: 4.0, 30: 4.0, 40: 8.0}.items():
        state |= {"iteration": iteration, "model": {"columns": torch.tensor(columns)}}
        checkpoint.save(folder / "snapshots" / f"{iteration:06d}.pt", state)
    checkpoint.save(folder / "checkpoint.pt", state)
    return folder


@pytest.fixture
def task(manifest):
    return Task(benchmark.read(manifest, "val"), Frames(), None)


def load(run, which, task, method=None, protocol="davis", foreground=None):
    choice = Choice(protocols.get(protocol), foreground)
    best = partial(choose_best, task=task, choice=choice) if which == "best" else None
    return runs.load(run, method or Columns(), "cpu", best)


def test_last_weights(run, task):
    network = load(run, "last", task)
    assert network.model.columns == 8 and network.weights == run / "checkpoint.pt"
    assert network.metadata == {
        "run": "gwm-test",
        "checkpoint": "last",
        "iteration": 40,
        "checkpoint_looks_at_ground_truth": False,
        "snapshot_scores": None,
    }


def test_best_is_the_earliest_snapshot_of_highest_score(run, task):
    network = load(run, "best", task)
    assert network.model.columns == 4 and network.weights.name == "000020.pt"
    assert network.metadata["iteration"] == 20
    assert network.metadata["checkpoint_looks_at_ground_truth"] is True
    chosen = network.metadata["snapshot_scores"]
    assert [chosen[key] for key in ("protocol", "foreground", "metric")] == [
        "davis",
        "oracle",
        "J",
    ]
    # 0 columns: the only group covers the image, 16 / 96; 8 columns: 16 / 32.
    expected = {"000010": 1 / 6, "000020": 1.0, "000030": 1.0, "000040": 0.5}
    assert chosen["scores"] == pytest.approx(expected)


def test_the_best_by_the_object_that_the_method_names(run, task):
    network = load(run, "best", task, Columns("object"))
    chosen = network.metadata["snapshot_scores"]
    assert (chosen["foreground"], chosen["metric"]) == ("object", "J")
    # Nothing is the object where there are no columns; the oracle would have taken all the rest.
    expected = {"000010": 0.0, "000020": 1.0, "000030": 1.0, "000040": 0.5}
    assert chosen["scores"] == pytest.approx(expected)


def test_the_best_of_what_learns_from_labels(run, task, manifest):
    classes = Columns(gives="classes")
    with pytest.raises(ConfigError, match="--checkpoint best: the annotations of video 'cat' are"):
        load(run, "best", task, classes)
    for path in (manifest.parent / "truth").rglob("*.png"):
        Image.fromarray((np.asarray(Image.open(path)) > 0).astype(np.uint8)).save(path)
    parquet.write(manifest, parquet.read(manifest).assign(annotation_kind="classes"), {})
    task = replace(task, benchmark=benchmark.read(manifest, "val"))
    chosen = load(run, "best", task, classes).metadata["snapshot_scores"]
    assert (chosen["foreground"], chosen["metric"]) == ("classes", "mIoU")
    # Classes 0 and 1: 80 of 96 and 0 of 16; all; 64 of 80 and 16 of 32.
    expected = {"000010": 80 / 96 / 2, "000020": 1.0, "000030": 1.0, "000040": (0.8 + 0.5) / 2}
    assert chosen["scores"] == pytest.approx(expected)


def test_the_best_of_the_central_square(run, task):
    square = replace(task, options=FrameOptions(crop="square"))
    scores = load(run, "best", square).metadata["snapshot_scores"]["scores"]
    # The square cuts columns 10 and 11 off: of 8 columns 6 are left, and of the image 64 pixels.
    expected = {"000010": 16 / 64, "000020": 1.0, "000030": 1.0, "000040": 16 / 24}
    assert scores == pytest.approx(expected)


class Late(Columns):
    """Four columns are right, but in dog's frame 2 the eight of another network are."""

    def predict(self, model, frame, flow, *, size=None):
        shift = 4 if frame[0, 0, 0] == 2 else 0
        model.columns.data -= shift
        try:
            return super().predict(model, frame, flow, size=size)
        finally:
            model.columns.data += shift


class Numbered:
    """Frames whose pixels are their number, of `dog`; 0 of `cat`."""

    def read(self, video, t):
        return np.full((8, 12, 3), t if video == "dog" else 0, np.uint8)


def test_the_best_is_chosen_by_the_protocol_that_scores_it(run, task):
    # davis_released scores frame 2 of dog alone, where a network of 8 columns calls 4 foreground.
    task = replace(task, frames=Numbered())
    assert load(run, "best", task, Late()).metadata["iteration"] == 20
    network = load(run, "best", task, Late(), "davis_released")
    assert network.metadata["iteration"] == 40
    chosen = network.metadata["snapshot_scores"]
    assert (chosen["protocol"], chosen["frames"], chosen["scores"]["000040"]) == (
        "davis_released",
        1,
        1.0,
    )


def test_only_frames_that_are_scored_are_segmented(run, task):
    seen = []

    class Watched(Numbered):
        def read(self, video, t):
            seen.append((video, t))
            return super().read(video, t)

    load(run, "best", replace(task, frames=Watched()), protocol="davis_official")
    assert seen == [("cat", 1), ("dog", 1), ("dog", 2)] * 4


def test_the_best_is_chosen_by_the_foreground_that_scores_it(run, task):
    # The method names an object; the oracle takes the other group where the object is missed.
    network = load(run, "best", task, Columns("object"), foreground="oracle")
    chosen = network.metadata["snapshot_scores"]
    assert chosen["foreground"] == "oracle" and chosen["scores"]["000010"] == pytest.approx(1 / 6)
    chosen = load(run, "best", task, foreground="oracle_components").metadata["snapshot_scores"]
    assert chosen["scores"]["000020"] == 1.0
    chosen = load(run, "best", task, foreground="unsupervised").metadata["snapshot_scores"]
    assert chosen["scores"]["000010"] == 0.0  # one group: no foreground


@pytest.mark.parametrize(
    ("method", "foreground", "reason"),
    [
        (Columns(), "object", "does not say which of its segments is the object; leave"),
        (Columns(), "classes", "predicts masks; leave"),
        (Columns(gives="classes"), "oracle", "predicts classes; leave"),
    ],
)
def test_a_foreground_that_does_not_fit(run, task, method, foreground, reason):
    with pytest.raises(ConfigError, match=f"--foreground {foreground}: method columns {reason}"):
        load(run, "best", task, method, foreground=foreground)


def test_void_frames_choose_nothing(run, task, manifest):
    parquet.write(manifest, parquet.read(manifest).assign(annotation_kind="instances"), {})
    files = sorted((manifest.parent / "truth").rglob("*.png"))
    for path in files:
        Image.fromarray((np.asarray(Image.open(path)) > 0).astype(np.uint8)).save(path)
    Image.new("L", (12, 8), 255).save(files[0])
    task = replace(task, benchmark=benchmark.read(manifest, "val"))
    assert load(run, "best", task).metadata["snapshot_scores"]["scores"]["000010"] == pytest.approx(
        1 / 6
    )
    for path in files:
        Image.new("L", (12, 8), 255).save(path)
    with pytest.raises(StoreError, match="void"):
        load(run, "best", task)


def test_a_run_without_snapshots(run, task):
    for path in (run / "snapshots").iterdir():
        path.unlink()
    with pytest.raises(StoreError, match=r"gwm-test/snapshots: holds no \*.pt"):
        load(run, "best", task)


def test_settings_of_a_run_can_be_changed(run):
    assert runs.settings_of_run(run, None, []) == GwmSettings(components=3)
    changed = runs.settings_of_run(run, "gwm", ["merge.features=pixels"])
    assert changed.components == 3 and changed.merge.features == "pixels"


def test_a_run_of_another_method(run):
    with pytest.raises(ConfigError, match=r"is a run of gwm, not of --method residual_flow"):
        runs.settings_of_run(run, "residual_flow", [])


def test_unknown_method():
    with pytest.raises(ConfigError, match="--method: method 'residual_fow' is unknown; did you"):
        runs.settings_of_method("residual_fow", [])
    assert runs.settings_of_method("residual_flow", ["gap=2"]).gap == 2
