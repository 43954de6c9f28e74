"""`commonfate predict --run`: a trained network, as it is, adapted, and by several processes."""

import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from commonfate import methods
from commonfate.base import parquet
from commonfate.base.errors import ConfigError, StoreError
from commonfate.cli import predict
from commonfate.methods.gwm.settings import GwmSettings
from commonfate.samples.build import build
from commonfate.storage.flow import open_writer
from commonfate.storage.flow_info import sources
from commonfate.storage.frames import FrameWriter
from commonfate.training import checkpoint

FRAMES = {"cat": 3, "dog": 4}
SETTINGS = GwmSettings(
    width=4,
    components=3,
    image_size=(16, 16),
    flow_size=(8, 12),
    batch_size=2,
    merge={"features": "network"},
)


@pytest.fixture
def inputs(tmp_path, manifest):
    """Options of the verb: noise as frames, flow of gap 1 for `cat` alone, a network at random."""
    generator = np.random.default_rng(0)
    frames, flow = tmp_path / "frames.zarr.zip", tmp_path / "flow.zarr.zip"
    with FrameWriter(frames, provenance={}) as writer:
        for video, count in FRAMES.items():
            images = generator.integers(0, 256, (count, 8, 12, 3), np.uint8)
            writer.add_video(video, images, [float(t) for t in range(count)], 1.0)
    message = {"left_out": [{"video": "dog"}]}
    with open_writer(flow, provenance=message, key="test") as writer:
        moving = generator.normal(0, 3, (3, 2, 8, 12)).astype(np.float32)
        writer.add("cat", 1, 3, (8, 12), [(t, moving[t]) for t in sources(3, 1)])
    table = parquet.read(manifest)
    parquet.write(manifest, table.assign(shard=0), {"settings": {"dataset": "toy"}})
    parquet.write(tmp_path / "index.parquet", *build([manifest], [frames], [flow], "val"))
    torch.manual_seed(0)
    state = {"model": methods.create(SETTINGS).build().state_dict(), "iteration": 5}
    state |= {"method": "gwm", "settings": SETTINGS.model_dump(mode="json")}
    (tmp_path / "gwm-test").mkdir()
    checkpoint.save(tmp_path / "gwm-test" / "checkpoint.pt", state)
    options = {"manifest": manifest, "frames": frames, "run": tmp_path / "gwm-test"}
    words = [str(word) for key, value in options.items() for word in (f"--{key}", value)]
    return [*words, "--device=cpu", "--threads=1"]


@pytest.fixture
def predicted(inputs, tmp_path):
    """Call the verb and return what predictions.json says: `predicted(folder, *options)`."""

    def call(name, *options):
        words = [*inputs, *options, "--output", str(tmp_path / name)]
        CliRunner().invoke(predict.command, words, catch_exceptions=False, standalone_mode=False)
        return json.loads((tmp_path / name / "predictions.json").read_text())

    return call


def pixels(folder):
    """Every PNG of a folder."""
    files = sorted(folder.rglob("*.png"))
    return {str(file.relative_to(folder)): np.asarray(Image.open(file)) for file in files}


def test_adaptation_changes_what_has_samples_and_names_what_has_not(predicted, tmp_path, caplog):
    metadata = predicted("plain")
    assert (metadata["adapt_steps"], metadata["seed"], metadata["adaptation"]) == (0, None, None)
    index = f"--index={tmp_path / 'index.parquet'}"
    metadata = predicted("adapted", "--adapt-steps=3", index, "--seed=5")
    assert (metadata["adapt_steps"], metadata["seed"], metadata["iteration"]) == (3, 5, 5)
    cat, dog = metadata["adaptation"]["cat"], metadata["adaptation"]["dog"]
    assert cat["steps"] == 3 and cat["problem"] is None and cat["first_loss"] > 0
    assert dog["steps"] == 0 and dog["problem"].endswith("index.parquet has no samples of it")
    assert "dog: segmented without adaptation: " in caplog.text
    hashed = {name.rpartition("/")[2] for name in metadata["provenance"]["inputs"]}
    assert hashed == {"manifest.parquet", "frames.zarr.zip", "index.parquet", "checkpoint.pt"}
    plain, adapted = pixels(tmp_path / "plain"), pixels(tmp_path / "adapted")
    assert plain.keys() == adapted.keys() and len(plain) == 3 * 7
    for name, image in plain.items():
        if "/dog/" in name:
            np.testing.assert_array_equal(image, adapted[name])
    soft = "foreground/cat/00001.png"
    assert (plain[soft] != adapted[soft]).any()


def test_several_processes_change_nothing_and_a_broken_video_costs_itself(predicted, tmp_path):
    options = ["--adapt-steps=2", f"--index={tmp_path / 'index.parquet'}"]
    alone = predicted("alone", *options)
    missing = tmp_path / "truth" / "dog" / "00003.png"
    content = missing.read_bytes()
    missing.unlink()
    together = predicted("together", *options, "--workers=2")
    assert list(together["frames"]) == ["cat"]
    assert str(missing) in together["left_out"]["dog"]
    missing.write_bytes(content)
    together = predicted("together", *options, "--workers=2")
    assert together["seconds_per_frame"]["processes"] == 2
    for metadata in (alone, together):
        for adapted in metadata["adaptation"].values():
            del adapted["seconds"]
    assert together["adaptation"] == alone["adaptation"]
    ours, theirs = pixels(tmp_path / "alone"), pixels(tmp_path / "together")
    assert ours.keys() == theirs.keys()
    for name, image in ours.items():
        np.testing.assert_array_equal(theirs[name], image, err_msg=name)


def test_weights_of_another_network(predicted):
    with pytest.raises(StoreError, match=r"checkpoint.pt: does not fit the network"):
        predicted("broken", "--set=components=1")


def test_all_frames_of_videos_without_ground_truth(inputs, predicted, manifest):
    table = parquet.read(manifest)
    none = table["id"].map(lambda video: [""] * FRAMES.get(video, 0))
    parquet.write(manifest, table.assign(annotation_files=none, annotation_kind=""), {})
    metadata = predicted("all", "--frames-of=all")
    assert metadata["frames"] == FRAMES and metadata["frames_of"] == "all"
    assert metadata["left_out"] == {"eel": "empty file"}


def test_the_samples_must_be_there(predicted, tmp_path):
    with pytest.raises(ConfigError, match="--adapt-steps: needs --index, too"):
        predicted("a", "--adapt-steps=2")
