"""`commonfate flow`: options, products, provenance, messages."""

import logging
import shlex
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from skimage import data

from commonfate.base import parquet
from commonfate.base.errors import ConfigError, UserError
from commonfate.base.files import sha256
from commonfate.cli import flow, view
from commonfate.flow.estimators import classical
from commonfate.storage.flow import open_reader
from commonfate.storage.frames import FrameWriter

STEP = 3  # pixels that the picture moves to the right from frame to frame


def frames(count: int) -> list[np.ndarray]:
    texture = cv2.cvtColor(data.gravel()[:80, :200], cv2.COLOR_GRAY2RGB)
    return [texture[:, 60 - STEP * t : 180 - STEP * t].copy() for t in range(count)]


@pytest.fixture
def shard(tmp_path):
    """Manifest and frame store of two videos, and of a third that was left out."""
    store, manifest = tmp_path / "frames.zarr.zip", tmp_path / "0000.parquet"
    with FrameWriter(store, provenance={}) as writer:
        for video, count in (("a", 5), ("b", 3)):
            writer.add_video(video, frames(count), [t / 10 for t in range(count)], fps=10.0)
    columns = {"id": ["a", "b", "c"], "shard": [0, 0, 1], "truth": ["", "", ""]}
    states = {"frames": [5, 3, 0], "status": ["ok", "ok", "left_out"], "reason": ["", "", "empty"]}
    table = pd.DataFrame({**columns, **states})
    parquet.write(manifest, table, {})
    return ["--manifest", str(manifest), "--frames", str(store)]


def run(command, *arguments) -> str:
    result = CliRunner().invoke(command, [str(a) for a in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_the_rules_call_writes_a_store_with_its_provenance(shard, tmp_path):
    output = tmp_path / "0000.zarr.zip"
    settings = ["--set", "estimator=dis", "--set", "weights=null", "--set", "preset=fast"]
    gaps = ["--gap=-1", "--gap", "1"]
    run(flow.command, *shard, *settings, *gaps, "--threads", 1, "--output", output)
    reader = open_reader(output)
    assert reader.videos == ["a", "b"]
    assert reader.gaps("a") == [-1, 1]
    inner = np.s_[:, 10:-10, 20:-20]
    assert np.median(reader.read("a", 1, 2)[inner][0]) == pytest.approx(STEP, abs=0.2)
    assert np.median(reader.read("a", -1, 2)[inner][0]) == pytest.approx(-STEP, abs=0.2)
    record = reader.provenance
    assert record["verb"] == "flow"
    assert record["settings"]["source"]["preset"] == "fast"
    assert record["settings"]["gaps"] == [-1, 1]
    assert record["inputs"] == {path: sha256(path) for path in (shard[1], shard[3])}
    assert record["estimator"] == f"DIS (OpenCV {cv2.__version__}, preset fast)"
    assert record["device"] == "cpu"
    assert record["left_out"] == []


def test_the_same_command_does_its_work_once(shard, tmp_path, caplog):
    output = tmp_path / "0000.zarr.zip"
    run(flow.command, *shard, "-o", output)
    before = output.stat().st_mtime_ns
    with caplog.at_level(logging.INFO):
        run(flow.command, *shard, "-o", output)
    assert "there already" in caplog.text
    assert output.stat().st_mtime_ns == before
    run(flow.command, *shard, "-o", output, "--source", "farneback")
    assert open_reader(output).provenance["estimator"].startswith("Farneb")
    output.write_bytes(b"damaged")
    run(flow.command, *shard, "-o", output)
    assert open_reader(output).videos == ["a", "b"]


def test_what_is_staged_for_a_store_that_is_there_goes(shard, tmp_path):
    """Of a writer that was killed after its store was whole, or of other settings."""
    output = tmp_path / "0000.zarr.zip"
    run(flow.command, *shard, "-o", output)
    staged = tmp_path / ".0000.zarr.zip.partial"
    (staged / "parts").mkdir(parents=True)
    run(flow.command, *shard, "-o", output)
    assert not staged.exists()
    assert open_reader(output).videos == ["a", "b"]


def test_flow_of_other_weights_is_other_flow(shard, tmp_path, monkeypatch):
    """What a store is made of: frames, settings, and the weights that a name stands for today."""
    output = tmp_path / "0000.zarr.zip"
    run(flow.command, *shard, "-o", output)
    key = open_reader(output).provenance["key"]
    for content in ("one", "two"):
        monkeypatch.setattr(classical.Dis, "weights_sha256", content, raising=False)
        run(flow.command, *shard, "-o", output)
        assert open_reader(output).provenance["weights_sha256"] == content
        assert open_reader(output).provenance["key"] != key
        key = open_reader(output).provenance["key"]


@pytest.fixture
def pictures(tmp_path):
    """A video of one's own: a folder of images."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for t, frame in enumerate(frames(3)):
        cv2.imwrite(str(folder / f"{t:03d}.png"), frame)
    return folder


def shown(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if not path.name.startswith(".")}


def test_own_videos_go_to_a_folder_and_only_their_flow(pictures, tmp_path):
    output = tmp_path / "out"
    run(flow.command, pictures, "-o", output, "--gap", 2, "--container", "tiff")
    assert shown(output) == {"flow.tiff", "videos.parquet"}
    assert not (output / ".decoded").exists()
    reader = open_reader(output / "flow.tiff")
    (video,) = reader.videos
    actual = np.median(reader.read(video, 2, 0)[0, 10:-10, 20:-20])
    assert actual == pytest.approx(2 * STEP, abs=0.2)


def test_frames_are_kept_on_request(pictures, tmp_path, monkeypatch):
    output = tmp_path / "out"
    run(flow.command, pictures, "-o", output)
    run(flow.command, pictures, "-o", output, "--keep-frames")
    assert shown(output) == {"flow.zarr.zip", "frames.zarr.zip", "videos.parquet"}
    monkeypatch.setattr("commonfate.videos.shard.extract", None)  # nothing is decoded again
    run(flow.command, pictures, "-o", output, "--source", "farneback")
    assert shown(output) == {"flow.zarr.zip", "frames.zarr.zip", "videos.parquet"}


def test_own_videos_that_are_done_are_not_decoded_again_until_they_change(
    pictures, tmp_path, monkeypatch, caplog
):
    output = tmp_path / "out"
    run(flow.command, pictures, "-o", output)
    before = (output / "flow.zarr.zip").stat().st_mtime_ns
    with monkeypatch.context() as patch, caplog.at_level(logging.INFO):
        patch.setattr("commonfate.videos.shard.extract", None)
        run(flow.command, pictures, "-o", output)
    assert "there already" in caplog.text
    assert (output / "flow.zarr.zip").stat().st_mtime_ns == before
    cv2.imwrite(str(pictures / "003.png"), frames(4)[3])
    run(flow.command, pictures, "-o", output)
    reader = open_reader(output / "flow.zarr.zip")
    assert len(reader.frames_with_flow(reader.videos[0], 1)) == 3


def test_own_videos_go_on_after_an_interruption_with_what_is_decoded(
    pictures, tmp_path, monkeypatch
):
    output = tmp_path / "out"
    with monkeypatch.context() as patch, pytest.raises(OSError, match="killed"):
        patch.setattr("commonfate.flow.extraction.product.extract", interrupted)
        run(flow.command, pictures, "-o", output)
    assert (output / ".decoded" / "frames.zarr.zip").is_file()
    monkeypatch.setattr("commonfate.videos.shard.extract", None)
    run(flow.command, pictures, "-o", output)
    assert shown(output) == {"flow.zarr.zip", "videos.parquet"}
    assert not (output / ".decoded").exists()


def interrupted(*_):
    raise OSError("killed")


def test_what_is_printed_can_be_pasted(pictures, tmp_path):
    text = run(flow.command, pictures, "-o", tmp_path / "my clip's (1)")
    (line,) = (line for line in text.splitlines() if line.startswith("See it with: "))
    program, verb, *arguments = shlex.split(line.removeprefix("See it with: "))
    assert (program, verb) == ("commonfate", "view")
    run(view.command, *arguments)
    assert shown(tmp_path / "my clip's (1)") == {"flow.png", "flow.zarr.zip", "videos.parquet"}


def test_several_processes_share_the_videos_and_make_the_same_flow(shard, tmp_path, caplog):
    alone, shared = tmp_path / "alone.zarr.zip", tmp_path / "shared.zarr.zip"
    gaps = ["--gap=-1", "--gap=1", "--gap=4"]
    run(flow.command, *shard, *gaps, "-o", alone, "--device", "cpu")
    with caplog.at_level(logging.INFO):
        run(flow.command, *shard, *gaps, "-o", shared, "--devices", "cpu,cpu")
    assert "flow (pairs): 13/13" in caplog.text
    item, two = open_reader(alone), open_reader(shared)
    assert two.videos == ["a", "b"]
    assert two.provenance["device"] == "cpu,cpu"
    too_short = {"video": "b", "gaps": [4], "reason": "it has only 3 frames"}
    assert two.provenance["left_out"] == item.provenance["left_out"] == [too_short]
    for video in two.videos:
        for gap in two.gaps(video):
            for t in two.frames_with_flow(video, gap):
                np.testing.assert_array_equal(two.read(video, gap, t), item.read(video, gap, t))


def test_several_processes_say_together_what_is_wrong(tmp_path, shard):
    with pytest.raises(UserError, match="GPUs are visible"):
        run(flow.command, *shard, "-o", tmp_path / "s", "--devices", "cuda:99")
    with pytest.raises(UserError, match=r"'gpu' is no device; expected e\.g\. cuda:0,cuda:1"):
        run(flow.command, *shard, "-o", tmp_path / "s", "--devices", "cpu,gpu")
    with pytest.raises(UserError, match="none of 2 videos gave any flow; the first, a: its"):
        expected = ["--source", "truth", "--devices", "cpu,cpu"]
        run(flow.command, *shard, "-o", tmp_path / "s.zarr.zip", *expected)
    assert not (tmp_path / "s.zarr.zip").exists()


def test_flow_without_consistency_has_a_value_everywhere_and_with_it_not(shard, tmp_path):
    stores = [tmp_path / "all.zarr.zip", tmp_path / "checked.zarr.zip"]
    run(flow.command, *shard, "-o", stores[0])
    run(flow.command, *shard, "-o", stores[1], "--set=estimator=dis", "--set=consistency=true")
    free, checked = (open_reader(store).read("a", 1, 2) for store in stores)
    assert np.isfinite(free).all()
    left_the_frame = np.isnan(checked[0, :, -STEP + 1 :])
    assert left_the_frame.all()
    kept = np.isfinite(checked)
    assert kept[:, 10:-10, 20:-20].mean() > 0.95
    np.testing.assert_array_equal(checked[kept], free[kept])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give either videos, or both --manifest and --frames"),
        (["--manifest", "m.parquet"], "give either videos, or both --manifest and --frames"),
        ([".", "--manifest", "m.parquet"], "give either videos, or both --manifest and --frames"),
        (["--gap", "0"], "0 is no gap"),
    ],
)
def test_wrong_arguments_get_one_line(arguments, message):
    result = CliRunner().invoke(flow.command, [*arguments, "-o", "x"])
    assert result.exit_code == 2
    assert message in result.output


def test_videos_too_short_for_all_gaps_are_no_failure(shard, tmp_path):
    output = tmp_path / "0000.zarr.zip"
    run(flow.command, *shard, "-o", output, "--gap", -6, "--gap", 6)
    assert open_reader(output).videos == []


def test_wrong_settings_are_found_before_any_work(shard, tmp_path):
    output = tmp_path / "s.zarr.zip"
    with pytest.raises(UserError, match="dis: it has no weights"):
        run(flow.command, *shard, "-o", output, "--source", "dis.things")
    with pytest.raises(ConfigError, match="--set: presets is unknown; did you mean preset"):
        run(flow.command, *shard, "-o", output, "--set", "estimator=dis", "--set", "presets=1")
    with pytest.raises(ConfigError, match=r"--shard 7: .* has no such shard, only 0, 1"):
        run(flow.command, *shard, "-o", output, "--shard", 7)
    assert not output.exists()
