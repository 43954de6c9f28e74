"""One shard: usable videos are stored, the others reported, through the verb."""

import hashlib
import logging
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from commonfate.base import parquet
from commonfate.base.errors import ConfigError
from commonfate.cli.videos import frames as command
from commonfate.datasets import VideoSource, inventory
from commonfate.storage.frames import FrameReader


@pytest.fixture
def extract(tmp_path):
    """Run the verb on videos; returns the report by id, and a reader of the store."""

    def run(sources, *options, shard=0):
        file = tmp_path / "inventory.parquet"
        parquet.write(file, inventory.build(sources, shard_size=8), {})
        files = ["--output", tmp_path / "0.zarr.zip", "--report", tmp_path / "0.parquet"]
        arguments = ["--inventory", file, "--shard", shard, *files, *options]
        result = CliRunner().invoke(command, list(map(str, arguments)))
        if result.exception is not None:
            raise result.exception
        report = parquet.read(tmp_path / "0.parquet").set_index("id")
        return report, FrameReader(tmp_path / "0.zarr.zip")

    return run


def source(path, **values):
    return VideoSource(id=path.stem, split="train", path=str(path), **values)


def frame_folder(folder, frames):
    folder.mkdir()
    files = [folder / f"{t:05d}.png" for t in range(frames)]
    for t, file in enumerate(files):
        Image.fromarray(np.full((20, 30, 3), 10 * t, np.uint8)).save(file)
    return source(folder, frame_files=tuple(map(str, files)))


def test_a_video_file_becomes_frames(make_video, extract):
    path = make_video(times=lambda t: 2 * t)
    report, store = extract([source(path)], "--backend", "pyav")
    row = report.loc["good"]
    assert (row["frames"], row["height"], row["width"]) == (12, 64, 96)
    assert row["fps"] == pytest.approx(6)
    assert row["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (row["backend"], row["status"], row["reason"]) == ("pyav", "ok", "")
    assert (row["looked_at"], row["interlaced"], row["deinterlaced"]) == ("pixels", 0, False)
    assert store.videos == ["good"]
    assert store.length("good") == 12
    assert store.timestamps_s("good") == pytest.approx([t / 6 for t in range(12)])
    # What is stored is the picture that moves left by two pixels a frame.
    first, third = store.read("good", 0).astype(int), store.read("good", 2).astype(int)
    assert np.abs(third[:, :-4] - first[:, 4:]).mean() < 0.2 * np.abs(third - first).mean()


def test_one_frame_in_every_of_a_video_file(make_video, extract):
    path = make_video(times=lambda t: 2 * t)
    _, whole = extract([source(path)], "--backend", "pyav")
    frames = [whole.read("good", t) for t in range(12)]
    report, store = extract([source(path, every=5)], "--backend", "pyav")
    row = report.loc["good"]
    assert (row["frames"], row["every"], row["status"]) == (3, 5, "ok")
    assert row["fps"] == pytest.approx(6 / 5)
    assert store.timestamps_s("good") == pytest.approx([0, 5 / 6, 10 / 6])
    for number, t in enumerate((0, 5, 10)):
        assert np.array_equal(store.read("good", number), frames[t])


def test_a_video_may_be_too_short_once_it_is_thinned(make_video, extract):
    report, store = extract([source(make_video(), every=12)], "--backend", "pyav", "--gap", 1)
    assert report.loc["good", "reason"] == "too short: 1 frame, but gap 1 needs 2"
    assert store.videos == []


def test_the_rate_of_frames_that_come_as_images(tmp_path, extract):
    report, store = extract([replace(frame_folder(tmp_path / "dog", 3), fps=24.0, label="dog")])
    assert report.loc["dog", "fps"] == store.fps("dog") == 24
    assert list(report.columns).count("fps") == 1 and report.loc["dog", "label"] == "dog"
    assert store.timestamps_s("dog") == pytest.approx([0, 1 / 24, 2 / 24])


def test_a_folder_of_frames_stays_in_place(tmp_path, extract):
    report, store = extract([frame_folder(tmp_path / "dog", 3)])
    row = report.loc["dog"]
    assert (row["frames"], row["height"], row["width"], row["fps"]) == (3, 20, 30, 1.0)
    assert (row["backend"], row["status"], row["looked_at"]) == ("files", "ok", "headers")
    assert store.read("dog", 2)[0, 0].tolist() == [20, 20, 20]


def test_left_out_videos_are_reported_and_the_others_go_on(make_video, tmp_path, extract, caplog):
    (tmp_path / "empty.mp4").touch()
    item = make_video("one.mp4", frames=1)
    sources = [
        source(tmp_path / "empty.mp4"),
        source(tmp_path / "gone.mp4"),
        source(make_video()),
        source(item),
    ]
    with caplog.at_level(logging.WARNING):
        report, store = extract(sources)
    assert dict(zip(report.index, report["status"], strict=True)) == {
        "empty": "left_out",
        "gone": "left_out",
        "good": "ok",
        "one": "left_out",
    }
    assert report.loc["gone", "reason"] == "no such file"
    assert report.loc["one", "frames"] == 1
    assert store.videos == ["good"]
    assert f"{tmp_path}/empty.mp4: left out: empty file" in caplog.messages
    assert f"{item}: left out: too short: 1 frame, but gap 1 needs 2" in caplog.messages


def test_images_and_ground_truth_are_hashed(tmp_path, extract):
    """Another digest for other bytes, of either; the same for the same."""
    dog = frame_folder(tmp_path / "dog", 3)
    masks = frame_folder(tmp_path / "masks", 3).frame_files
    dog = replace(dog, annotation_files=(masks[0], "", masks[2]), annotation_kind="grey")
    Image.fromarray(np.full((20, 30), 255, np.uint8)).save(masks[2])

    def digests():
        report, store = extract([dog])
        assert store.content("dog") == report.loc["dog", "sha256"]
        return tuple(report.loc["dog", ["sha256", "annotations_sha256"]])

    first = digests()
    assert "" not in first and digests() == first
    Image.fromarray(np.full((20, 30), 200, np.uint8)).save(masks[2])
    second = digests()
    assert second[0] == first[0] and second[1] != first[1]
    Image.fromarray(np.full((20, 30, 3), 7, np.uint8)).save(dog.frame_files[1])
    third = digests()
    assert third[0] != first[0] and third[1] == second[1]


def test_interlaced_video_is_said_and_made_whole_on_request(make_interlaced, extract, caplog):
    path = make_interlaced()
    report, store = extract([source(path)])
    row = report.loc["fields"]
    assert (row["interlaced"], row["deinterlaced"], row["status"]) == (12, False, "ok")
    assert f"{path}: 12 of its 12 frames are interlaced" in caplog.text
    combed = combing(store.read("fields", 5))
    caplog.clear()
    report, store = extract([source(path)], "--deinterlace")
    row = report.loc["fields"]
    assert (row["interlaced"], row["deinterlaced"], row["backend"]) == (12, True, "pyav")
    assert row["frames"] == store.length("fields") == 12
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert combing(store.read("fields", 5)) < 0.5 * combed


def combing(frame):
    """How much more a line differs from its neighbours than from the lines behind them."""
    lines = frame[..., 1].astype(float)
    beside = np.abs(lines[1:] - lines[:-1]).mean()
    return beside / np.abs(lines[2:] - lines[:-2]).mean()


def test_gaps_decide_what_is_too_short(tmp_path, extract):
    sources = [frame_folder(tmp_path / "four", 4), frame_folder(tmp_path / "seven", 7)]
    report, _ = extract(sources, "--gap", "-6", "--gap", "6")
    assert report.loc["four", "reason"].startswith("too short: 4 frames")
    assert report.loc["seven", "status"] == "ok"


def test_a_shard_without_usable_video_is_an_empty_store(tmp_path, extract):
    (tmp_path / "empty.mp4").touch()
    report, store = extract([source(tmp_path / "empty.mp4")])
    assert list(report["status"]) == ["left_out"]
    assert store.videos == []


def test_only_the_shard_that_is_asked_for(tmp_path, extract):
    sources = [frame_folder(tmp_path / f"video{number:02d}", 2) for number in range(10)]
    report, store = extract(sources, shard=1)
    assert list(report.index) == store.videos == ["video08", "video09"]


def test_unknown_shard(tmp_path, extract):
    with pytest.raises(ConfigError, match=r"--shard 4: .*has no such shard, only 0"):
        extract([frame_folder(tmp_path / "dog", 2)], shard=4)


def test_a_hanging_decoder_costs_one_video(make_video, tmp_path, extract, fake_decord):
    fake_decord(on_open="time.sleep(60) if path.endswith('slow.mp4') else None")
    sources = [source(make_video("slow.mp4")), frame_folder(tmp_path / "zebra", 2)]
    report, store = extract(sources, "--backend", "decord", "--timeout-s", "0.6")
    assert report.loc["slow", "reason"] == "timeout: no new frame within 0.6 s"
    assert store.videos == ["zebra"]


def test_motionless_video_is_used_and_remarked_on(make_video, extract, caplog):
    path = make_video(
        "still.mkv", codec="ffv1", picture=lambda t, h, w: np.full((h, w, 3), 9, np.uint8)
    )
    report, _ = extract([source(path)])
    assert report.loc["still", "status"] == "ok"
    assert f"{path}: 12 of its 12 frames in a row show the same picture" in caplog.messages


def test_a_bad_gap_is_a_usage_error():
    arguments = "--inventory i --shard 0 --output o --report r --gap one"
    result = CliRunner().invoke(command, arguments.split())
    assert result.exit_code == 2
    assert "'one' is not a valid" in result.output
