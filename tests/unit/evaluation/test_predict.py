"""Label maps from soft masks, and what predictions.json says of them."""

import json
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from PIL import Image

from commonfate.errors import ConfigError, StoreError
from commonfate.evaluation import benchmark, label_maps, predict
from commonfate.evaluation.predict import Task, label_map
from commonfate.methods.base import Method, Prediction
from commonfate.methods.kmeans.settings import KMeansSettings


class Frames:
    """Frames of one grey value: ten times their number."""

    def read(self, video, t):
        return np.full((8, 12, 3), 10 * t, np.uint8)


@dataclass
class Flow:
    """Flow of gap 1; the last frames have that of gap -1."""

    gap: int = 1
    last: dict = field(default_factory=lambda: {"cat": 2, "dog": 3})

    def read(self, video, t):
        gap = -1 if t == self.last[video] else 1
        return np.full((2, 8, 12), gap, np.float32), gap


class Halves(Method):
    """Three components; the brighter the frame, the more of it is the second group."""

    @property
    def description(self):
        return {"resolution": "4x6"}

    def predict(self, model, frame, flow):
        components = torch.zeros(3, 4, 6)
        components[0, :, :3], components[2, :, 3:] = 1, 1
        groups = torch.zeros(2, 4, 6)
        columns = int(frame.max()) // 10
        groups[0, :, columns:], groups[1, :, :columns] = 1, 1
        return Prediction(components, groups)


def written(manifest, output, flow=None):
    task = Task(benchmark.read(manifest, "val"), Frames(), flow)
    facts = {"device": "CPU, 1 threads", "run": None, "split": "val"}
    predict.write(output, Halves(KMeansSettings()), None, task, facts)
    return json.loads((output / "predictions.json").read_text())


def test_upsampling_is_bilinear_between_pixel_centres():
    # Centres at 1 and 3 of four pixels: the second mask (0 -> 1) wins beyond x = 2.
    masks = torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]]])
    assert label_map(masks, (2, 4)).tolist() == [[0, 0, 1, 1]] * 2
    # A weaker mask loses ground: 0.4 x against 1 - x is equal at x = 0.714 from the first centre.
    masks = torch.tensor([[[1.0, 0.0]], [[0.0, 0.4]]])
    assert label_map(masks, (1, 20)).tolist() == [[0] * 12 + [1] * 8]


def test_label_maps_have_the_annotations_size(manifest, tmp_path):
    output = tmp_path / "predicted"
    facts = written(manifest, output)
    components = label_maps.read(output / "components" / "dog" / "00003.png", 3, (8, 12))
    np.testing.assert_array_equal(components, np.repeat([[0] * 6 + [2] * 6], 8, axis=0))
    groups = label_maps.read(output / "groups" / "dog" / "00003.png", 2, (8, 12))
    np.testing.assert_array_equal(groups, np.repeat([[1] * 6 + [0] * 6], 8, axis=0))
    assert facts["segments"] == {"components": 3, "groups": 2}
    assert facts["frames"] == {"cat": 3, "dog": 4} and facts["n_frames"] == 7
    assert facts["left_out"] == {"eel": "empty file"}
    assert (facts["method"], facts["description"]) == ("kmeans", {"resolution": "4x6"})
    time = facts["seconds_per_frame"]
    assert time["device"] == "CPU, 1 threads" and time["median"] > 0 and 0 < time["mean"] < 1


def test_opposite_gaps_are_counted(manifest, tmp_path):
    assert written(manifest, tmp_path / "a")["frames_with_flow_of_opposite_gap"] == 0
    assert written(manifest, tmp_path / "b", Flow())["frames_with_flow_of_opposite_gap"] == 2


def test_predicting_again_replaces_the_folder(manifest, tmp_path):
    written(manifest, tmp_path / "a")
    stale = tmp_path / "a" / "groups" / "stale.png"
    Image.new("P", (1, 1)).save(stale)
    written(manifest, tmp_path / "a")
    assert not stale.exists()


def test_somebody_elses_folder_is_not_replaced(manifest, tmp_path):
    with pytest.raises(ConfigError, match="is there already and would be replaced"):
        written(manifest, tmp_path)
    assert manifest.exists()


def test_a_failure_leaves_nothing(manifest, tmp_path):
    (tmp_path / "truth" / "dog" / "00002.png").unlink()
    with pytest.raises(StoreError, match=r"truth/dog/00002.png: this annotation is missing"):
        written(manifest, tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_device_name_tells_the_threads():
    assert predict.device_name("cpu") == f"CPU, {torch.get_num_threads()} threads"
