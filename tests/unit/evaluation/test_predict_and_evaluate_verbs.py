"""The verbs, from stores to scores, with a method that needs no training."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from commonfate.base.errors import ConfigError, StoreError
from commonfate.base.files import sha256
from commonfate.cli import evaluate, predict
from commonfate.evaluation import kinds
from commonfate.evaluation.masks import foreground
from commonfate.evaluation.protocols import PROTOCOLS
from commonfate.evaluation.settings import SegmentsBenchmark
from commonfate.methods.feature_clustering.method import FeatureClustering
from commonfate.prediction import crf
from commonfate.prediction.unfinished import key_of
from commonfate.storage.flow import open_writer
from commonfate.storage.flow_info import sources
from commonfate.storage.frames import FrameWriter

FRAMES = {"cat": 3, "dog": 4}
RESIDUAL = {"method": "residual_flow", "flow": "{stores}/flow.zarr.zip"}


def run(verb, **options):
    """Call a verb; `set_` is --set, a list repeats an option, True is a flag."""
    words = []
    for key, value in options.items():
        name = f"--{key.rstrip('_').replace('_', '-')}"
        for item in value if isinstance(value, list) else [value]:
            words += [name] if item is True else [name, str(item)]
    CliRunner().invoke(verb.command, words, catch_exceptions=False, standalone_mode=False)


@pytest.fixture
def stores(tmp_path, manifest):
    """Frames of one shard, and flow of gap 1 in which the true foreground alone moves."""
    moving = np.zeros((2, 8, 12), np.float32)
    moving[0, 2:6, 4:8] = 3
    with FrameWriter(tmp_path / "frames.zarr.zip", provenance={}) as writer:
        for video, frames in FRAMES.items():
            files = [tmp_path / video / f"{t:05d}.png" for t in range(frames)]
            for file in files:
                file.parent.mkdir(exist_ok=True)
                Image.new("RGB", (12, 8), (90, 120, 60)).save(file)
            writer.add_files(video, files, size=(8, 12), fps=24.0)
    with open_writer(tmp_path / "flow.zarr.zip", provenance={}, key="test") as writer:
        for video, frames in FRAMES.items():
            for gap in (-1, 1):
                pairs = [(t, gap * moving) for t in sources(frames, gap)]
                writer.add(video, gap, frames=frames, size=(8, 12), flows=pairs)
    return tmp_path


def test_from_stores_to_scores(stores):
    inputs = {"manifest": stores / "manifest.parquet", "frames": [stores / "frames.zarr.zip"]}
    run(
        predict,
        **inputs,
        flow=[stores / "flow.zarr.zip"],
        method="residual_flow",
        set_=["fit_iterations=4"],
        output=stores / "predictions",
    )
    path = stores / "predictions" / "predictions.json"
    metadata = json.loads(path.read_text())
    assert metadata["frames_with_flow_of_opposite_gap"] == 2  # the last frame of each video
    assert (metadata["run"], metadata["checkpoint"], metadata["split"]) == (None, None, "val")
    settings = metadata["provenance"]["settings"]
    assert (settings["fit_iterations"], settings["gap"]) == (4, 1)  # the shortest that is stored
    hashed = {name.rpartition("/")[2] for name in metadata["provenance"]["inputs"]}
    assert hashed == {"manifest.parquet", "frames.zarr.zip", "flow.zarr.zip"}

    rules = {"protocol": "davis", "foreground": "unsupervised"}
    run(evaluate, predictions=path, **inputs, **rules, output=stores / "out" / "d.u.last.json")
    scores = json.loads((stores / "out" / "d.u.last.json").read_text())
    assert scores["J"] == 1.0 and scores["n_frames"] == 7
    assert (stores / "out" / "d.u.last.png").exists()
    assert (stores / "out" / "d.u.last" / "dog" / "00003.png").exists()


def segment(stores, **options):
    inputs = {"manifest": stores / "manifest.parquet", "frames": [stores / "frames.zarr.zip"]}
    output = stores / "predictions"
    run(predict, **inputs, output=output, **{"method": "feature_clustering", **options})
    return json.loads((output / "predictions.json").read_text())


def score(stores):
    rules = {"protocol": "davis", "foreground": "oracle"}
    inputs = {"manifest": stores / "manifest.parquet"}
    path = stores / "predictions" / "predictions.json"
    run(evaluate, predictions=path, **inputs, **rules, output=stores / "s.json")
    return json.loads((stores / "s.json").read_text())


def test_a_broken_video_is_left_out_and_the_others_are_predicted_and_scored(stores, caplog):
    broken = stores / "dog" / "00002.png"
    good = broken.read_bytes()
    broken.write_bytes(good[:20])
    metadata = segment(stores, set_="positions=100")
    assert list(metadata["frames"]) == ["cat"] and metadata["n_frames"] == 3
    assert str(broken) in metadata["left_out"]["dog"]
    assert "1 of 2 videos left out" in caplog.text
    assert not (stores / "predictions" / "groups" / "dog").exists()
    scores = score(stores)
    assert scores["n_sequences"] == 1
    assert scores["left_out"] == metadata["left_out"]
    broken.write_bytes(good)
    assert "dog" not in segment(stores, set_="positions=100")["left_out"]
    assert score(stores)["n_sequences"] == 2


def test_nothing_is_written_where_all_videos_are_broken(stores):
    for video in FRAMES:
        (stores / video / "00000.png").unlink()
    with pytest.raises(StoreError, match=r"none of 2 videos could be read; .*cat/00000\.png"):
        segment(stores, set_="positions=100")
    assert not (stores / "predictions").exists()


def test_a_video_whose_flow_was_left_out_is_left_out_for_that_reason(stores, caplog):
    moving = np.zeros((2, 8, 12), np.float32)
    moving[0, 2:6, 4:8] = 3
    report = [{"video": "dog", "gaps": [1], "reason": "00003.jpg is damaged"}]
    path = stores / "partial.zarr.zip"
    with open_writer(path, provenance={"left_out": report}, key="") as writer:
        writer.add("cat", 1, frames=3, size=(8, 12), flows=[(0, moving), (1, moving)])
        writer.add("cat", -1, frames=3, size=(8, 12), flows=[(1, -moving), (2, -moving)])
    metadata = segment(
        stores, method="residual_flow", flow=path, set_=["fit_iterations=4", "gap=1"]
    )
    assert "00003.jpg is damaged" in metadata["left_out"]["dog"]
    assert list(metadata["frames"]) == ["cat"]
    assert score(stores)["n_sequences"] == 1


def test_other_pixels_are_another_key_of_unfinished_predictions(stores):
    """Images that are read in place: the store that lists them stays as it is."""
    before = segment(stores, set_="positions=100")["provenance"]
    Image.new("RGB", (12, 8), (9, 9, 9)).save(stores / "cat" / "00001.png")
    after = segment(stores, set_="positions=100")["provenance"]
    assert after["inputs"] == before["inputs"]
    assert key_of(after) != key_of(before)


def test_weights_of_a_published_network_are_inputs_of_predictions(stores, monkeypatch):
    """DINO's, by which components are merged or frames clustered."""
    weights = stores / "dino.pth"
    weights.write_bytes(b"weights")
    monkeypatch.setattr(FeatureClustering, "feature_file", lambda self: weights)
    run(
        predict,
        manifest=stores / "manifest.parquet",
        frames=[stores / "frames.zarr.zip"],
        method="feature_clustering",
        set_=["image_size=[8, 12]"],
        output=stores / "predictions",
    )
    metadata = json.loads((stores / "predictions" / "predictions.json").read_text())
    assert metadata["provenance"]["inputs"][str(weights)] == sha256(weights)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "gwm"}, "--method gwm: has to be trained; name the trained run with --run"),
        ({"method": "residual_flow"}, "--method residual_flow: looks at flow; name its stores"),
        (RESIDUAL | {"checkpoint": "best"}, "--checkpoint best: method residual_flow is not tra"),
        (RESIDUAL | {"set_": "gap=3"}, "--set gap 3: there is only flow of the gaps -1, 1"),
        (RESIDUAL | {"set_": "gap=0"}, "gap = 0: must not be 0"),
        (RESIDUAL | {"set_": "gaps=3"}, "gaps is unknown; did you mean gap"),
        (RESIDUAL | {"protocol": "davies"}, "protocol 'davies' is unknown"),
        (RESIDUAL | {"split": "vall"}, "split 'vall' is unknown; did you mean val"),
        (RESIDUAL | {"split": "vall", "frames_of": "all"}, "split 'vall' is unknown; did you"),
        (RESIDUAL | {"adapt_steps": 2}, "--adapt-steps: method residual_flow is not trained"),
        (RESIDUAL | {"index": "{stores}/manifest.parquet"}, "--index: needs --adapt-steps, too"),
        (RESIDUAL | {"crf_set": "iterations=2"}, "--crf-set: is of no use without --crf"),
        (RESIDUAL | {"crf": True, "crf_set": "steps=2"}, "--crf-set: steps is unknown"),
    ],
)
def test_contradictions_are_refused(stores, options, message, monkeypatch):
    monkeypatch.setattr(crf, "is_installed", lambda: True)
    inputs = {"manifest": stores / "manifest.parquet", "frames": stores / "frames.zarr.zip"}
    options = {
        key: value.format(stores=stores) if isinstance(value, str) else value
        for key, value in options.items()
    }
    with pytest.raises(ConfigError, match=message):
        run(predict, **inputs, **options, output=stores / "predictions")
    assert not (stores / "predictions").exists()


def test_a_crf_that_is_not_installed_is_refused_before_anything_is_read(stores, monkeypatch):
    monkeypatch.setattr(crf, "is_installed", lambda: False)
    inputs = {"manifest": stores / "manifest.parquet", "frames": stores / "frames.zarr.zip"}
    options = RESIDUAL | {"crf": True, "flow": [stores / "flow.zarr.zip"], "split": "no such"}
    with pytest.raises(ConfigError, match="--crf: the CRF needs the package pydensecrf2"):
        run(predict, **inputs, **options, output=stores / "predictions")


def test_names_are_those_of_the_configuration():
    protocols = SegmentsBenchmark.model_fields["protocol"].annotation.__args__
    assert set(protocols) == set(PROTOCOLS)
    assert set(kinds.KINDS["masks"].rules) == set(foreground.FOREGROUNDS)


def test_flow_stores_without_any_flow_are_refused(stores):
    with open_writer(stores / "empty.zarr.zip", provenance={}, key="test"):
        pass
    inputs = {"manifest": stores / "manifest.parquet", "frames": stores / "frames.zarr.zip"}
    with pytest.raises(ConfigError, match=r"--flow .*empty\.zarr\.zip: no video has flow there"):
        run(
            predict,
            **inputs,
            method="residual_flow",
            flow=stores / "empty.zarr.zip",
            output=stores / "predictions",
        )
