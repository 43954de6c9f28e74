"""Maps from soft masks, and what predictions.json says of them."""

import json
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
import torch
from PIL import Image

from commonfate.base.errors import ConfigError
from commonfate.methods.base import Prediction, Segmenting
from commonfate.methods.residual_flow.settings import ResidualFlowSettings
from commonfate.prediction import benchmark, crf, maps, predict, segmenting
from commonfate.prediction.crf import CrfSettings
from commonfate.prediction.segmenting import FrameOptions, Task, labels, upsampled
from commonfate.prediction.video_workers import Work

PROVENANCE = {"settings": {}, "inputs": {}, "code_sha256": "1", "device": "CPU"}


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


class Halves(Segmenting):
    """Three components; the brighter the frame, the more of it is the second group."""

    def __init__(self, groups=2):
        super().__init__(ResidualFlowSettings())
        self.groups = groups
        self.seen = []

    @property
    def description(self):
        return {"resolution": "4x6"}

    def predict(self, model, frame, flow, *, size=None):
        self.seen.append((frame.shape[:2], flow if flow is None else flow.shape, size))
        components = torch.zeros(3, 4, 6)
        components[0, :, :3], components[2, :, 3:] = 1, 1
        groups = torch.zeros(self.groups, 4, 6)
        columns = int(frame.max()) // 10
        groups[0, :, columns:], groups[1, :, :columns] = 1, 1
        return Prediction(components, groups)


def written(manifest, output, flow=None, options=FrameOptions(), method=None):  # noqa: B008 - immutable
    task = Task(benchmark.read(manifest, "val"), Frames(), flow, options)
    record = {"device": "CPU, 1 threads", "run": None, "split": "val", "provenance": PROVENANCE}
    predict.write(output, Work(method or Halves(), None, task, "cpu", None), record)
    return json.loads((output / "predictions.json").read_text())


def label_map(masks, size):
    return labels(upsampled(masks, size)).tolist()


def test_upsampling_is_bilinear_between_pixel_centres():
    # Centres at 1 and 3 of four pixels: the second mask (0 -> 1) wins beyond x = 2.
    masks = torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]]])
    assert label_map(masks, (2, 4)) == [[0, 0, 1, 1]] * 2
    # A weaker mask loses ground: 0.4 x against 1 - x is equal at x = 0.714 from the first centre.
    masks = torch.tensor([[[1.0, 0.0]], [[0.0, 0.4]]])
    assert label_map(masks, (1, 20)) == [[0] * 12 + [1] * 8]


def test_the_first_of_equal_masks_wins():
    masks = torch.tensor([[[0.2, 0.5, 0.0]], [[0.4, 0.5, 0.3]], [[0.4, 0.0, 0.3]]])
    result = labels(masks)
    assert result.dtype == np.uint8
    assert result.tolist() == [[1, 0, 1]]


def test_maps_have_the_annotations_size(manifest, tmp_path):
    output = tmp_path / "predicted"
    record = written(manifest, output)
    components = maps.read_labels(output / "components" / "dog" / "00003.png", 3, (8, 12))
    np.testing.assert_array_equal(components, np.repeat([[0] * 6 + [2] * 6], 8, axis=0))
    groups = maps.read_labels(output / "groups" / "dog" / "00003.png", 2, (8, 12))
    np.testing.assert_array_equal(groups, np.repeat([[1] * 6 + [0] * 6], 8, axis=0))
    soft = maps.read_probability(output / "foreground" / "dog" / "00003.png", (8, 12))
    # Twice as large: beside the step from 1 to 0 lie 3/4 and 1/4, of 255.
    np.testing.assert_array_equal(soft, np.repeat([[255] * 5 + [191, 64] + [0] * 5], 8, axis=0))
    assert record["segments"] == {"components": 3, "groups": 2} and record["soft"] is True
    assert record["frames"] == {"cat": 3, "dog": 4} and record["n_frames"] == 7
    assert record["left_out"] == {"eel": "empty file"}
    assert (record["foreground"], record["learns_from"]) == ("unsupervised", "flow")
    assert (record["method"], record["description"]) == ("residual_flow", {"resolution": "4x6"})
    time = record["seconds_per_frame"]
    assert time["device"] == "CPU, 1 threads" and time["median"] > 0 and 0 < time["mean"] < 1
    assert time["processes"] == 1
    assert (record["resolution"], record["crop"], record["crf"]) == ("network", "none", None)
    assert (record["adapt_steps"], record["seed"], record["adaptation"]) == (0, None, None)


class Object(Halves):
    """Two groups that do not sum to 1: the likeliest of other segments, and the object."""

    def predict(self, model, frame, flow, *, size=None):
        # Four segments; the object has 0.4 on the left, more than any other, and 0.1 on the right.
        components = torch.full((4, 4, 6), 0.2)
        components[3, :, :3], components[3, :, 3:], components[0, :, 3:] = 0.4, 0.1, 0.5
        groups = torch.stack([components[:3].amax(0), components[3]])
        return Prediction(components, groups)


def test_groups_need_not_sum_to_one(manifest, tmp_path):
    written(manifest, tmp_path / "a", method=Object())
    groups = maps.read_labels(tmp_path / "a" / "groups" / "cat" / "00000.png", 2, (8, 12))
    # From 0.4 against 0.2 to 0.1 against 0.5; at a quarter of the way 0.325 against 0.275.
    np.testing.assert_array_equal(groups, np.repeat([[1] * 6 + [0] * 6], 8, axis=0))
    soft = maps.read_probability(tmp_path / "a" / "foreground" / "cat" / "00000.png", (8, 12))
    levels = [102] * 5 + [83, 45] + [26] * 5  # 0.4, 0.325, 0.175 and 0.1 of 255
    np.testing.assert_allclose(soft, np.repeat([levels], 8, axis=0), atol=1)


def test_the_crf_begins_from_the_share_of_the_second_group(manifest, tmp_path, monkeypatch):
    given = []

    def refine(frame, foreground, settings):
        given.append(foreground)
        return foreground

    monkeypatch.setattr(crf, "refine", refine)
    written(manifest, tmp_path / "plain", method=Object())
    written(manifest, tmp_path / "crf", method=Object(), options=FrameOptions(crf=CrfSettings()))
    shares = [0.4 / 0.6] * 5 + [0.325 / 0.6, 0.175 / 0.6] + [0.1 / 0.6] * 5
    np.testing.assert_allclose(given[0], np.repeat([shares], 8, axis=0), rtol=1e-6)
    # So a CRF that does nothing leaves the labels as they are.
    for t in range(3):
        plain, refined = (
            maps.read_labels(tmp_path / name / "groups" / "cat" / f"{t:05d}.png", 2, (8, 12))
            for name in ("plain", "crf")
        )
        np.testing.assert_array_equal(plain, refined)


def test_where_both_groups_are_nothing_the_crf_is_undecided():
    share = segmenting._share_of_second(torch.tensor([[[0.0, 0.3]], [[0.0, 0.1]]]))
    np.testing.assert_allclose(share, [[0.5, 0.25]])


class Classes(Halves):
    """A class for each pixel: its groups are its components. Class 200 is the likeliest."""

    def predict(self, model, frame, flow, *, size=None):
        components = torch.zeros(255, 4, 6)
        components[200] = 1
        return Prediction(components, components)


def test_as_many_classes_as_eight_bits_have(manifest, tmp_path):
    record = written(manifest, tmp_path / "a", method=Classes())
    assert record["segments"] == {"components": 255, "groups": 255} and record["soft"] is False
    for segments in ("components", "groups"):
        path = tmp_path / "a" / segments / "dog" / "00001.png"
        assert (maps.read_labels(path, 255, (8, 12)) == 200).all()


def test_three_groups_have_no_soft_foreground(manifest, tmp_path):
    record = written(manifest, tmp_path / "a", method=Halves(3))
    assert record["segments"]["groups"] == 3 and record["soft"] is False
    assert not (tmp_path / "a" / "foreground").exists()


def test_the_network_may_see_a_frame_at_its_own_size(manifest, tmp_path):
    method = Halves()
    options = FrameOptions("native")
    metadata = written(manifest, tmp_path / "a", options=options, method=method)
    assert metadata["resolution"] == "native"
    assert set(method.seen) == {((8, 12), None, (8, 12))}


def test_the_central_square_alone(manifest, tmp_path):
    method, output = Halves(), tmp_path / "a"
    record = written(manifest, output, Flow(), FrameOptions(crop="square"), method)
    assert record["crop"] == "square"
    assert set(method.seen) == {((8, 8), (2, 8, 8), None)}
    assert maps.read_labels(output / "groups" / "cat" / "00001.png", 2, (8, 8)).shape == (8, 8)


def test_the_crf_refines_the_groups(manifest, tmp_path, monkeypatch):
    """A stand-in that moves the border: what it is given, and what becomes of its answer."""
    given = []

    def refine(frame, foreground, settings):
        given.append((frame.shape, foreground.dtype, settings.iterations))
        return np.full_like(foreground, 0.6)

    monkeypatch.setattr(crf, "refine", refine)
    options = FrameOptions(crf=CrfSettings(iterations=3))
    assert written(manifest, tmp_path / "a", options=options)["crf"]["iterations"] == 3
    assert given == [((8, 12, 3), np.float32, 3)] * 7
    assert maps.read_labels(tmp_path / "a" / "groups" / "cat" / "00000.png", 2, (8, 12)).all()
    soft = maps.read_probability(tmp_path / "a" / "foreground" / "cat" / "00000.png", (8, 12))
    assert (soft == 153).all()
    components = maps.read_labels(tmp_path / "a" / "components" / "cat" / "00000.png", 3, (8, 12))
    assert set(components.ravel()) == {0, 2}


def test_the_crf_needs_two_groups(manifest, tmp_path):
    message = "--crf: method residual_flow makes 3 groups here, but the CRF refines two"
    with pytest.raises(ConfigError, match=message):
        written(manifest, tmp_path / "a", options=FrameOptions(crf=CrfSettings()), method=Halves(3))


def test_all_frames(manifest, tmp_path):
    (tmp_path / "truth" / "dog" / "00002.png").unlink()
    table = benchmark.read(manifest, "val")
    dog = table.videos[1]
    sparse = replace(dog, annotations={0: dog.annotations[0]})
    task = Task(replace(table, videos=[sparse]), Frames(), None, FrameOptions(frames_of="all"))
    record = {"device": "CPU, 1 threads", "provenance": PROVENANCE}
    predict.write(tmp_path / "a", Work(Halves(), None, task, "cpu", None), record)
    assert len(list((tmp_path / "a" / "groups" / "dog").iterdir())) == 4


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


class Killed(Halves):
    """Dies at the sixth frame, the third of dog."""

    def predict(self, *arguments, **options):
        if len(self.seen) == 5:
            raise KeyboardInterrupt
        return super().predict(*arguments, **options)


def test_after_a_kill_finished_videos_are_not_segmented_again(manifest, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        written(manifest, tmp_path / "a", method=Killed())
    assert not (tmp_path / "a").exists()
    method = Halves()
    assert written(manifest, tmp_path / "a", method=method)["n_frames"] == 7
    assert len(method.seen) == 4  # dog's
    assert {path.name for path in (tmp_path / "a").iterdir()} == {
        *("components", "groups", "foreground", "predictions.json")
    }
    assert not (tmp_path / ".a.partial").exists()


def test_other_settings_begin_anew(manifest, tmp_path, monkeypatch):
    for code in ("1", "2"):
        monkeypatch.setitem(PROVENANCE, "code_sha256", code)
        method = Killed()
        with pytest.raises(KeyboardInterrupt):
            written(manifest, tmp_path / "a", method=method)
        assert len(method.seen) == 5


def test_a_broken_video_is_left_out_and_tried_again(manifest, tmp_path, monkeypatch):
    """Also where the others were not finished when it was found."""
    missing = tmp_path / "truth" / "cat" / "00001.png"
    content = missing.read_bytes()
    missing.unlink()
    killed = Killed()
    killed.seen += [None] * 2  # dies in dog, when cat has been left out
    with pytest.raises(KeyboardInterrupt):
        written(manifest, tmp_path / "a", method=killed)
    missing.write_bytes(content)
    record = written(manifest, tmp_path / "a")
    assert record["frames"] == {"cat": 3, "dog": 4}


def test_device_name_tells_the_threads():
    assert predict.device_name("cpu") == f"CPU, {torch.get_num_threads()} threads"
