"""Links, pipes and names that cannot be used, through the verbs: left out, named, others go on."""

import os
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from commonfate.base import parquet
from commonfate.base.errors import UserError
from commonfate.cli import commonfate
from commonfate.storage.flow import open_reader


def run(*arguments) -> str:
    result = CliRunner().invoke(commonfate, list(map(str, arguments)), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def sequence(folder: Path, names=("00000.png", "00001.png", "00002.png")) -> Path:
    folder.mkdir(parents=True)
    texture = np.random.default_rng(0).integers(0, 256, (32, 48, 3), np.uint8)
    for t, name in enumerate(names):
        Image.fromarray(np.roll(texture, t, axis=1)).save(folder / name)
    return folder


@pytest.fixture
def root(tmp_path) -> Path:
    return sequence(tmp_path / "v/good").parent


def folder(root: Path) -> list[str]:
    return ["--set", "adapter=folder", "--set", f"root={root}"]


def manifest_of(root: Path, tmp_path: Path) -> dict[str, tuple[str, str]]:
    """Source and reason of each video, by id."""
    inventory, report, output = (tmp_path / f"{n}.parquet" for n in ("inventory", "report", "out"))
    run("videos", "--dataset", "mine", *folder(root), "--output", inventory)
    store = tmp_path / "frames.zarr.zip"
    files = ("--report", report, "--output", store)
    run("frames", "--inventory", inventory, "--shard", 0, *files)
    run("manifest", report, "--dataset", "mine", "--output", output)
    rows = parquet.read(output).itertuples()
    return {row.id: (row.source, row.reason) for row in rows}


SPOILED = {
    "broken link": (
        lambda root: (root / "a.mp4").symlink_to("/gone"),
        "a",
        "a broken link to /gon",
    ),
    "pipe": (lambda root: os.mkfifo(root / "a.mp4"), "a", "a pipe"),
    "link to a pipe": (
        lambda root: (os.mkfifo(root / "p"), (root / "a.mp4").symlink_to(root / "p")),
        "a",
        "a pipe",
    ),
    "folder named as a video": (lambda root: sequence(root / "a.mp4"), "a.mp4", ""),
    "broken frame": (
        lambda root: (sequence(root / "a") / "00003.png").symlink_to("/gone"),
        "a",
        "missing frame: 00003.png",
    ),
    "pipe among frames": (
        lambda root: os.mkfifo(sequence(root / "a") / "00003.png"),
        "a",
        "frame 00003.png is a pipe",
    ),
    "name of a file": (
        lambda root: (root / os.fsdecode(b"\xe9.mp4")).touch(),
        "_",
        r"the name {root}/\xe9.mp4 is not UTF-8",
    ),
    "name of a frame": (
        lambda root: sequence(root / "a", [os.fsdecode(b"\xe9%d.png" % t) for t in range(3)]),
        "a",
        r"the name {root}/a/\xe92.png is not UTF-8",
    ),
    "name of a folder": (
        lambda root: sequence(root / os.fsdecode(b"\xe9")),
        "_",
        r"\xe9/00002.png is not UTF-8",
    ),
}


@pytest.mark.parametrize("spoil", SPOILED)
def test_one_that_cannot_be_opened_costs_one_video(root, tmp_path, spoil):
    change, name, reason = SPOILED[spoil]
    change(root)
    actual = manifest_of(root, tmp_path)
    assert actual.keys() == {"good", name}
    assert actual["good"][1] == ""
    assert reason.format(root=root) in actual[name][1]
    output = tmp_path / "flow"
    run("flow", root, "-o", output)
    videos = open_reader(output / "flow.zarr.zip").videos
    assert videos == (["good"] if reason else [name, "good"])


def test_a_folder_without_permission_is_named(root, tmp_path, monkeypatch):
    closed, listed = str(sequence(root / "closed")), os.scandir

    def scandir(path):
        if str(path) == closed:
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    actual = manifest_of(root, tmp_path)
    assert actual["closed"] == (closed, "a folder that cannot be listed: Permission denied")
    assert actual["good"][1] == ""


def test_names_in_other_scripts_and_names_of_two_folders(tmp_path):
    folders = [sequence(tmp_path / name) for name in ("一", "二", "a/clip", "b/clip")]
    (tmp_path / "c.mp4").symlink_to("/gone")
    output = tmp_path / "flow"
    run("flow", *folders, tmp_path / "c.mp4", folders[0], "-o", output)
    videos = open_reader(output / "flow.zarr.zip").videos
    assert sorted(videos) == ["a__clip", "b__clip", "一", "二"]


def test_a_video_that_was_never_there_is_a_mistake(root, tmp_path):
    with pytest.raises(UserError, match=r"nothing\.mp4: no such file or folder"):
        run("flow", root, tmp_path / "nothing.mp4", "-o", tmp_path / "flow")
    assert not (tmp_path / "flow").exists()


def test_nothing_usable_is_an_error_each_time(tmp_path):
    output = tmp_path / "flow"
    for name in ("a.mp4", "a.mp4", "b.mp4"):
        if not os.path.lexists(tmp_path / name):
            os.mkfifo(tmp_path / name)
        with pytest.raises(UserError, match=rf"{name}: a pipe"):
            run("flow", tmp_path / name, "-o", output)
        assert not (output / "flow.zarr.zip").exists()


def test_what_is_left_out_is_told_of_the_videos_that_are_named(root, tmp_path):
    output = tmp_path / "flow"
    for name in ("a.mp4", "b.mp4"):
        os.mkfifo(tmp_path / name)
        assert f"{tmp_path / name}: left out: a pipe" in run(
            "flow", root, tmp_path / name, "-o", output
        )


def test_a_video_of_another_name_is_another(root, tmp_path):
    output = tmp_path / "flow"
    run("flow", root / "good", "-o", output)
    (root / "good").rename(root / "better")
    run("flow", root / "better", "-o", output)
    assert open_reader(output / "flow.zarr.zip").videos == ["better"]


def test_a_picture_of_what_can_be_opened(root, tmp_path):
    (tmp_path / "a.mp4").symlink_to("/gone")
    output = tmp_path / "look"
    message = run("try", tmp_path / "a.mp4", root / "good", "-o", output)
    assert f"{tmp_path / 'a.mp4'}: left out: a broken link" in message
    assert (output / "flow.png").is_file()


def test_one_of_several_folders_may_be_empty(root, tmp_path):
    (tmp_path / "empty").mkdir()
    output = run("flow", root, tmp_path / "empty", "-o", tmp_path / "flow")
    assert f"'{tmp_path / 'empty'}': holds no video" in output
    with pytest.raises(UserError, match=r"empty.*holds no video"):
        run("flow", tmp_path / "empty", "-o", tmp_path / "other")


def test_suffixes_and_text_behind_numbers(root, tmp_path):
    sequence(root / "mixed", ("0000.jpeg", "0001.jpg", "0002.JPG"))
    sequence(root / "text", ("0001_rgb.png", "0002_rgb.png", "cover.png"))
    (root / "mixed/._0003.jpg").touch()
    actual = manifest_of(root, tmp_path)
    reasons = {name: reason for name, (_, reason) in actual.items()}
    assert reasons == dict.fromkeys(("good", "mixed", "text"), "")
    listed = run("videos", "--dataset", "mine", *folder(root), "--output", tmp_path / "i.parquet")
    assert "1 images are not used" in listed and "text/cover.png" in listed
